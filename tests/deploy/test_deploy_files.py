"""The unit, the image and the compose file say what they must, and agree with the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from rpcserver.deploy.healthcheck import address
from rpcserver.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "rpcserver" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
UNIT = (DEPLOY / "rpcserver.service").read_text(encoding="utf-8")
DASHBOARD, BUILD = 0, 1  # stages of the image before the last
LONGEST_STOP = Settings(data_dir=Path()).drain_timeout + 5  # seconds


def unit() -> dict[str, dict[str, list[str]]]:
    """The sections of the unit; a key may stand several times."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in UNIT.splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(header[1], defaultdict(list))
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, f"neither a comment nor a setting: {line}"
            section[key].append(value)
    return sections


def instructions(stage: int = -1) -> dict[str, list[str]]:
    """The instructions of one stage of the Dockerfile, by name, with their continuations."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    found: dict[str, list[str]] = defaultdict(list)
    for line in re.split(r"(?m)^(?=FROM )", text)[1:][stage].splitlines():
        if line:
            name, _, rest = line.partition(" ")
            found[name].append(rest.strip())
    return found


# --- systemd -------------------------------------------------------------------------------------


def test_the_unit_runs_the_server_as_nobody_who_matters() -> None:
    service = unit()["Service"]

    assert service["DynamicUser"] == ["yes"]
    assert service["User"] == ["rpcserver"]
    assert service["ProtectSystem"] == ["strict"], "the root file system is read-only"
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["StateDirectory"] == ["rpcserver"]
    assert service["StateDirectoryMode"] == ["0700"]


def test_the_unit_gives_a_stop_its_time_and_starts_again_what_broke() -> None:
    service = unit()["Service"]

    assert service["KillSignal"] == ["SIGTERM"]
    assert float(service["TimeoutStopSec"][0]) > LONGEST_STOP
    assert service["Restart"] == ["on-failure"]
    assert unit()["Unit"]["StartLimitIntervalSec"] == ["0"]


def test_the_unit_s_settings_are_settings(tmp_path: Path) -> None:
    pairs = dict(pair.split("=", 1) for pair in unit()["Service"]["Environment"][0].split())
    environ = {key: value.replace("%S", str(tmp_path)) for key, value in pairs.items()}

    assert load_settings(None, environ, {}).data_dir == tmp_path / "rpcserver"


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    """Where there is a systemd; where there is none, the unit must still parse."""
    assert unit().keys() == {"Unit", "Service", "Install"}
    if (analyze := shutil.which("systemd-analyze")) is None:
        return
    copy = tmp_path / "rpcserver.service"
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT), encoding="utf-8")
    checked = subprocess.run(
        [analyze, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")


# --- containers ----------------------------------------------------------------------------------


def test_the_image_runs_as_a_user_who_owns_its_data_and_nothing_else() -> None:
    last = instructions()

    assert last["USER"] == ["10001:10001"]
    owned = "install --directory --owner 10001 --group 10001 --mode 0700 /data"
    assert any(owned in run for run in last["RUN"])
    assert last["VOLUME"] == ["/data"]
    assert list(last).index("USER") > max(list(last).index("RUN"), list(last).index("COPY"))
    assert not any("--chown" in copied for copied in last["COPY"]), "the program is root's"


def test_the_image_stops_with_a_signal_and_says_whether_it_lives() -> None:
    last = instructions()

    assert last["STOPSIGNAL"] == ["SIGTERM"]
    [check] = last["HEALTHCHECK"]
    assert "rpcserver.deploy.healthcheck" in check
    assert last["ENTRYPOINT"] == ['["/opt/rpcserver/bin/rpcserver"]'], "no shell in between"


def test_the_image_s_settings_are_settings() -> None:
    environ = {
        name: value
        for name, value in re.findall(r"(\w+)=(\S+)", instructions()["ENV"][0])
        if name != "RPCSERVER_DATA_DIR"  # not there on this machine
    }
    settings = load_settings(None, environ | {"RPCSERVER_INSECURE": "true"}, {"data_dir": ROOT})

    assert (settings.host, settings.port) == ("0.0.0.0", 8787)
    assert instructions()["EXPOSE"] == [str(settings.port)]


def test_what_the_image_is_made_of_is_there_and_let_through() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"

    for stage in (DASHBOARD, BUILD):
        for copied in instructions(stage)["COPY"]:
            for source in () if copied.startswith("--from") else copied.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source in let_through, source


def test_the_image_builds_the_dashboard_itself_and_puts_it_into_the_wheel() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored.index("rpcserver/dashboard") > ignored.index("!rpcserver"), "not a local build"
    [directory] = instructions(DASHBOARD)["WORKDIR"]
    config = (ROOT / "clients/dashboard/vite.config.ts").read_text(encoding="utf-8")
    [output] = re.findall(r'outDir: "([^"]+)"', config)
    built = (Path(directory) / "dashboard" / output).as_posix()

    copied = instructions(BUILD)["COPY"]

    assert copied.index(f"--from=dashboard {os.path.normpath(built)} rpcserver/dashboard") > (
        copied.index("rpcserver rpcserver")
    )


def test_the_wheel_holds_the_dashboard_that_git_does_not(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".git").mkdir()  # the top of a repository: its .gitignore counts
    files = {"rpcserver/__init__.py", "rpcserver/dashboard/assets/app-1a2b.js"}
    for name in (*files, "clients/python/rpcclient/__init__.py", "rpcserver/journal.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    included = {
        file.distribution_path for file in WheelBuilder(str(tmp_path)).recurse_included_files()
    }

    assert included == {*files, "rpcclient/__init__.py"}


def test_every_package_of_the_image_is_held_to_its_hash() -> None:
    [fetch, make] = instructions(BUILD)["RUN"]

    assert fetch.count("--require-hashes") == fetch.count("--requirement requirements.lock") == 2
    assert "--no-index" in make


def test_compose_locks_the_container_in() -> None:
    for line in (
        "read_only: true",
        'user: "10001:10001"',
        "cap_drop: [ALL]",
        '"no-new-privileges:true"',
        "stop_signal: SIGTERM",
        'ports: ["127.0.0.1:8787:8787"]',
        'volumes: ["data:/data"]',
    ):
        assert line in COMPOSE
    [grace] = re.findall(r"stop_grace_period: (\d+)s", COMPOSE)
    assert float(grace) > LONGEST_STOP


# --- the health check ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "encrypted", "url"),
    [
        ("0.0.0.0", False, "http://127.0.0.1:8787/livez"),
        ("::", True, "https://[::1]:8787/livez"),
        ("10.0.0.7", True, "https://10.0.0.7:8787/livez"),
    ],
)
def test_the_health_check_asks_where_the_server_listens(
    host: str, encrypted: bool, url: str
) -> None:
    pem = Path("c.pem") if encrypted else None

    assert address(Settings(data_dir=ROOT, host=host, tls_certificate=pem, tls_key=pem)) == url
