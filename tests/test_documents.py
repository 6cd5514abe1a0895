"""README.md and protocol.md hang together: contents, numbers of chapters, links, names of tests."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from rpcserver.apis.catalogue import registry

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
