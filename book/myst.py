"""Split MyST Markdown into text and directives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from config import BookError

FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,}|:{3,})[ \t]*"
                   r"(?:\{(?P<name>[^}`]+)\})?(?P<argument>.*)$")
OPTION = re.compile(r":(?P<key>[\w-]+):[ \t]*(?P<value>.*)$")


@dataclass
class Text:
    """Lines outside of fences."""

    text: str
    line: int


@dataclass
class Fence:
    """A directive, or a fenced code block (then `name` is empty)."""

    name: str
    argument: str
    options: dict[str, object]
    body: str
    line: int
    """Line of the opening fence, from 1."""
    body_line: int
    indent: str = ""
    source: str = field(default="", repr=False)


def parse_blocks(text: str, first_line: int = 1) -> list[Text | Fence]:
    """Return the blocks of `text` in order; a fence that is never closed runs to the end."""
    lines = text.split("\n")
    blocks: list[Text | Fence] = []
    start = index = 0
    while index < len(lines):
        match = FENCE.match(lines[index])
        if not match or not _opens(match):
            index += 1
            continue
        if index > start:
            blocks.append(Text("\n".join(lines[start:index]), first_line + start))
        end = _closing(lines, index, match["fence"])
        blocks.append(_fence(match, lines[index : end + 1], first_line + index))
        start = index = end + 1
    if start < len(lines):
        blocks.append(Text("\n".join(lines[start:]), first_line + start))
    return blocks


def walk(text: str, first_line: int = 1) -> Iterator[Text | Fence]:
    """Yield the blocks of `text` and those inside its directives, in document order."""
    for block in parse_blocks(text, first_line):
        yield block
        if isinstance(block, Fence) and block.name not in ("", "math", "code-block", "code-cell"):
            yield from walk(block.body, block.body_line)


def _opens(match: re.Match[str]) -> bool:
    """Whether a matching line opens a fence; BookError where MyST silently would not."""
    if match["fence"][0] == "`" and "`" in match["argument"]:
        if match["name"]:
            raise BookError(f"{match[0]!r}: a fence of backticks cannot have backticks in its "
                            "first line; open it with `:::`")
        return False
    return match["fence"][0] != ":" or match["name"] is not None


def _closing(lines: list[str], opening: int, fence: str) -> int:
    for index in range(opening + 1, len(lines)):
        line = lines[index].strip()
        if len(line) >= len(fence) and set(line) == {fence[0]}:
            return index
    return len(lines)


def _fence(match: re.Match[str], lines: list[str], line: int) -> Fence:
    indent, fence = match["indent"], match["fence"]
    closed = len(lines) > 1 and set(lines[-1].strip()) == {fence[0]}
    inner = [text.removeprefix(indent) for text in (lines[1:-1] if closed else lines[1:])]
    options, skipped = _options(inner) if match["name"] else ({}, 0)
    return Fence(match["name"] or "", match["argument"].strip(), options,
                 "\n".join(inner[skipped:]), line, line + 1 + skipped, indent, "\n".join(lines))


def _options(lines: list[str]) -> tuple[dict[str, object], int]:
    """Return a directive's options and the number of lines they take."""
    if lines and lines[0].strip() == "---":
        end = next((i for i, text in enumerate(lines[1:], 1) if text.strip() == "---"), len(lines))
        return yaml.safe_load("\n".join(lines[1:end])) or {}, end + 1
    options: dict[str, object] = {}
    for text in lines:
        match = OPTION.match(text)
        if not match:
            break
        options[match["key"]] = match["value"].strip()
    return options, len(options)
