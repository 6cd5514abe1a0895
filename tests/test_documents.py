"""README.md and protocol.md hold: contents, numbers of chapters, links, commands, the map."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from rpcserver.apis.catalogue import registry
from rpcserver.cli.main import app

ROOT = Path(__file__).parents[1]
PROTOCOL = ROOT / "protocol.md"
DOCUMENTS = (ROOT / "README.md", PROTOCOL)
SOURCES = [
    path
    for folder in ("rpcserver", "clients/python", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
]


def prose(path: Path) -> str:
    """The text without its fenced blocks: what stands in those is no markup."""
    return re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))


@cache
def headings(path: Path) -> dict[str, str]:
    """Anchor -> heading, as GitHub names them."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for heading in re.findall(r"(?m)^#+ (.+)$", prose(path)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[f"{slug}-{seen[slug]}" if seen[slug] else slug] = heading
        seen[slug] += 1
    return found


def links(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", prose(path))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for words, target in links(document):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file) if file else document
        assert path.exists(), f"[{words}]({target})"
        if anchor:
            assert anchor in headings(path), f"[{words}]({target})"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_number_of_a_chapter_is_a_link_to_that_chapter(document: Path) -> None:
    for words, target in links(document):
        if numbered := re.search(r"\bchapter (\d+)$", words):
            assert f"#{numbered[1]}-" in target, f"[{words}]({target})"
    bare = re.sub(r"\[[^\]]+\]\([^)]+\)", "", prose(document))
    assert re.findall(r".*\bchapters? \d.*", bare) == []


def test_the_contents_are_the_chapters_and_their_parts() -> None:
    contents = prose(PROTOCOL).partition("**Contents**")[2].partition("\n## ")[0]
    told = [anchor for _, anchor in re.findall(r"\[([^\]]+)\]\(#([^)]+)\)", contents)]

    assert told == list(headings(PROTOCOL))[1:]  # after the title
    chapters = [heading for heading in headings(PROTOCOL).values() if heading[0].isdigit()]
    numbers = [int(chapter.partition(".")[0]) for chapter in chapters]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(f"[`{name}`]" in contents for name in registry.names)


def test_the_code_names_chapters_by_their_titles() -> None:
    """Numbers move when a chapter is added; a title that is gone is found here."""
    titles = [heading.partition(". ")[2] for heading in headings(PROTOCOL).values()]
    for path in SOURCES:
        text = re.sub(r"\s*\n\s*(#|\"|f\")?\s*", " ", path.read_text(encoding="utf-8"))
        assert not re.search(r"protocol\.md, (chapter )?\d", text), path
        for title in re.findall(r"protocol\.md, “([^”]+)”", text):
            assert title in titles, f"{path}: {title}"


def test_the_map_of_the_code_is_the_tree() -> None:
    drawn = the_map()
    packages = {path.parent.name for path in (ROOT / "rpcserver").glob("*/__init__.py")}

    assert packages == set(re.findall(r"\b([a-z]+)/", drawn))
    modules = {path.name for path in (ROOT / "rpcserver").glob("*.py")} - {"__init__.py"}
    assert modules == set(re.findall(r"\b\w+\.py\b", drawn))


def the_map() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("## The map of the code")[2].partition("```")[2].partition("```")[0]


def commands_of_the_readme() -> list[str]:
    """Every command line for `rpcserver` that stands in a fenced block, its comment taken off."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fenced = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)
    lines = [
        line.partition(" # ")[0].strip()
        for language, block in fenced
        if not language
        for line in block.splitlines()
    ]
    found = [re.fullmatch(r"(?:\w+=\S+ )*rpcserver (.+)", line) for line in lines]
    return [match[1] for match in found if match]


@pytest.mark.parametrize("line", commands_of_the_readme())
def test_every_command_of_the_readme_exists_with_its_options(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)
    while words and words[0] in (commands := getattr(command, "commands", {})):
        command = commands[words.pop(0)]
    assert not hasattr(command, "commands") or command.invoke_without_command, "of a group, which?"
    known = {name for parameter in command.params for name in parameter.opts}

    assert {word for word in words if word.startswith("--")} <= known
