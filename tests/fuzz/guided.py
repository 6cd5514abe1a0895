"""
A fuzzer that is guided by coverage: `python -m tests.fuzz.guided [--seconds 60] [control]`.

It wants atheris, which is not among the locked dependencies, because it has no build for every
machine this project runs on: `pip install atheris` first. What breaks is written to a file by
libFuzzer; `--again FILE` runs it once more.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

MISSING = 69  # the exit code without atheris
MESSAGE_MAX = 2048  # bytes: what is long is tried elsewhere


def main(arguments: list[str]) -> int:
    """Fuzz until the time is up; libFuzzer itself ends the process."""
    options = _options(arguments)
    try:
        atheris = importlib.import_module("atheris")
    except ModuleNotFoundError:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return MISSING
    with atheris.instrument_imports(include=["rpcserver", "tests.fuzz.target"]):
        target = importlib.import_module("tests.fuzz.target")
    hear, corpus = target.hear, target.corpus
    if options.what == "control":
        hear, corpus = target.hear_author, target.author_corpus
    if options.again is not None:
        hear(options.again.read_bytes())
        return 0
    with tempfile.TemporaryDirectory(prefix="rpcserver-corpus-") as directory:
        for number, message in enumerate(corpus()):
            (Path(directory) / f"{number:03}").write_bytes(message)
        told = [f"-max_total_time={options.seconds}", f"-max_len={MESSAGE_MAX}", directory]
        atheris.Setup([sys.argv[0], *told], hear)
        atheris.Fuzz()
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["frames", "control"], default="frames")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--again", type=Path, metavar="FILE", help="run one message again")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
