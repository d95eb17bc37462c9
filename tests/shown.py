"""What the documentation shows: its pages, their examples, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCED = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"^\$ ", re.MULTILINE)


def name_of(page: Path) -> str:
    """How a page is named below the top of the repository."""
    return page.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def examples(name: str, language: str = "yaml") -> list[str]:
    """The blocks of a language, in order."""
    return [text for _, kind, text in _FENCED.findall(read(name)) if kind == language]


def with_output(name: str) -> Iterator[tuple[str, str]]:
    """Each command whose output has to be as shown, with it; a line of three dots is any lines."""
    for block in examples(name, "console"):
        for part in _PROMPT.split(block)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def as_shown(output: str) -> re.Pattern[str]:
    """What fits an output with its three dots."""
    lines = [r"(?:.*\n)*?" if line == "..." else f"{re.escape(line)}\n"
             for line in output.splitlines()]  # fmt: skip
    return re.compile("".join(lines))


def typed(name: str) -> Iterator[str]:
    """Every line of a page that is to be typed into a shell, whatever it prints.

    These are the lines of `sh` blocks, those after a `$ ` in others, and indented blocks.
    """
    text = read(name)
    for _, kind, block in _FENCED.findall(text):
        if kind == "sh":
            yield from _joined(block)
        elif kind in ("text", "console"):
            yield from (part.partition("\n")[0] for part in _PROMPT.split(block)[1:])
    for block in _indented(_FENCED.sub("", text)):
        yield from _joined(block)


def _indented(text: str) -> Iterator[str]:
    """Blocks of four spaces; a list goes on by fewer or after a line of its own."""
    for block in re.findall(r"(?:\A|\n\n)((?: {4}\S.*(?:\n|\Z)(?: {4}.*(?:\n|\Z))*))", text):
        yield "\n".join(line[4:] for line in block.splitlines())


def _joined(block: str) -> Iterator[str]:
    """The lines of a script without what is only said about them."""
    for line in re.sub(r"\\\n\s*", "", block).splitlines():
        said = re.sub(r"(?:^|\s+)# .*$", "", line).strip()
        if said:
            yield said


def named_in_text(name: str) -> set[str]:
    """Every `dueline ...` that a page speaks of between backticks."""
    text = _FENCED.sub("", read(name))
    return {" ".join(each.split()) for each in re.findall(r"`(dueline\s[^`]+)`", text)}
