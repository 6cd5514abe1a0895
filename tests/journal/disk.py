"""
A disk that forgets: what a power cut leaves of files that were not synced yet.

A file system keeps only what was synced. Everything else is still under way when the light goes
out, and each write of it may be there, be lost, be torn between two sectors, have become noise, or
have overtaken another; a file may keep its old size, and a new or deleted name may not have come
through. `kill -9` shows none of this: the kernel lives on and writes everything in the end.

A `Disk` records what was done to the files of one directory. `Disk.after_a_cut` then tells, for any
moment and any seed, what the next start would find there. So one run can be cut everywhere.

Bytes beside a write are taken to be safe from it, as SQLite takes them (its `psow`). A sync that
failed leaves whatever it likes of what it covered, and no later one repairs that: Linux forgets
that those pages were dirty.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

SECTOR = 512  # bytes that are written whole or not at all


@dataclass(frozen=True)
class Created:
    name: str


@dataclass(frozen=True)
class Deleted:
    name: str
    is_durable: bool  # the directory was synced with it


@dataclass(frozen=True)
class Wrote:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncated:
    name: str
    size: int


@dataclass(frozen=True)
class Synced:
    name: str
    with_directory: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Told:
    """Not the disk's doing: somebody was told that this much is durable."""

    what: str
    count: int


Step = Created | Deleted | Wrote | Truncated | Synced | Told


class Disk:
    """What was done to the files of one directory, in order."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.names: set[str] = set()

    def do(self, step: Step) -> None:
        self.steps.append(step)
        match step:
            case Created(name):
                self.names.add(name)
            case Deleted(name):
                self.names.discard(name)
            case _:
                pass

    def told_before(self, moment: int, what: str) -> int:
        """The last count of *what* that was told before the step *moment*."""
        for step in reversed(self.steps[:moment]):
            if isinstance(step, Told) and step.what == what:
                return step.count
        return 0

    def after_a_cut(self, moment: int, seed: int) -> dict[str, bytes]:
        """The files that are there if the power fails before the step *moment*."""
        chance = random.Random(seed)
        directory = _Directory(chance)
        for step in self.steps[:moment]:
            directory.do(step)
        return directory.after_a_cut()


@dataclass
class _File:
    """What is durable of one file, and what is not yet."""

    content: bytearray = field(default_factory=bytearray)
    under_way: list[Wrote | Truncated] = field(default_factory=list)

    def settle(self, changes: Sequence[Wrote | Truncated]) -> None:
        for change in changes:
            match change:
                case Wrote(_, offset, data):
                    gap = offset - len(self.content)
                    self.content.extend(bytes(max(gap, 0)))
                    self.content[offset : offset + len(data)] = data
                case Truncated(_, size):
                    del self.content[size:]
        self.under_way = []


class _Directory:
    """Replays the steps up to a cut, then decides what became of what was under way."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._files: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        self._renamings: list[dict[str, _File]] = []  # the directory as it was since its last sync

    def do(self, step: Step) -> None:
        match step:
            case Created(name):
                self._files[name] = _File()
                self._renamings.append(dict(self._files))
            case Deleted(name, is_durable):
                self._files.pop(name, None)
                self._renamings.append(dict(self._files))
                if is_durable:
                    self._sync()
            case Wrote(name) | Truncated(name):
                self._files[name].under_way.append(step)
            case Synced(name, with_directory, failed):
                file = self._files[name]
                file.settle(self._survivors(file.under_way) if failed else file.under_way)
                if with_directory and not failed:
                    self._sync()
            case Told():
                pass

    def after_a_cut(self) -> dict[str, bytes]:
        left = {}
        versions = [self._durable, *self._renamings]
        for name in sorted(set().union(*versions)):
            file = self._chance.choice(versions).get(name)
            if file is not None:
                file.settle(self._survivors(file.under_way))
                left[name] = bytes(file.content)
        return left

    def _sync(self) -> None:
        self._durable, self._renamings = dict(self._files), []

    def _survivors(self, changes: Sequence[Wrote | Truncated]) -> list[Wrote | Truncated]:
        """What is left of *changes*, in the order in which it arrived."""
        left: list[Wrote | Truncated] = []
        for change in changes:
            if isinstance(change, Truncated):
                if self._chance.random() < 0.5:
                    left.append(change)
            else:
                left.extend(self._pieces(change))
        if self._chance.random() < 0.5:
            self._chance.shuffle(left)
        return left

    def _pieces(self, wrote: Wrote) -> list[Wrote]:
        match self._chance.choices(("kept", "lost", "torn"), weights=(5, 3, 2))[0]:
            case "kept":
                return [wrote]
            case "lost":
                return []
        pieces = []
        for start in range(0, len(wrote.data), SECTOR):
            piece = wrote.data[start : start + SECTOR]
            match self._chance.choices(("kept", "lost", "zero", "noise"), weights=(6, 6, 1, 1))[0]:
                case "lost":
                    continue
                case "zero":
                    piece = bytes(len(piece))
                case "noise":
                    piece = self._chance.randbytes(len(piece))
            pieces.append(Wrote(wrote.name, wrote.offset + start, piece))
        return pieces
