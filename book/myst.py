"""Split MyST Markdown into text and directives, with the parser that renders the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from config import BookError
from docutils.parsers.rst.directives.misc import TestDirective
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser

PARSER = create_md_parser(MdParserConfig(enable_extensions={"colon_fence", "dollarmath"}),
                          RendererHTML).disable("inline")
DIRECTIVE = re.compile(r"\{(?P<name>[^}`]+)\}(?P<argument>.*)$")
BACKTICKS = re.compile(r"^ *`{3,}\{.*$", re.MULTILINE)


@dataclass
class Fence:
    """A directive, or a fenced code block (then `name` is empty)."""

    name: str
    argument: str
    options: dict[str, str]
    body: str
    line: int
    """Line of the opening fence, from 1."""
    body_line: int
    indent: str = ""
    source: str = field(default="", repr=False)


def parse_blocks(text: str, first_line: int = 1) -> list[str | Fence]:
    """Return fences and the text between them; BookError for a directive that MyST does not see."""
    lines = text.split("\n")
    blocks: list[str | Fence] = []
    start = 0
    for token in [*PARSER.parse(text), Token("end", "", 0, map=[len(lines), len(lines)])]:
        if token.type not in ("fence", "colon_fence", "end"):
            continue
        if token.map[0] > start:
            blocks.append("\n".join(lines[start : token.map[0]]))
            if match := BACKTICKS.search(blocks[-1]):
                raise BookError(f"{match[0]!r}: a fence of backticks cannot have backticks in its "
                                "first line; open it with `:::`")
        start = token.map[1]
        if token.type != "end":
            blocks.append(_fence(token, lines[token.map[0] : start], first_line + token.map[0]))
    return blocks


def walk(text: str, first_line: int = 1) -> Iterator[str | Fence]:
    """Yield the blocks of `text` and those inside its directives, in document order."""
    for block in parse_blocks(text, first_line):
        yield block
        if isinstance(block, Fence) and block.name not in ("", "code-cell"):
            yield from walk(block.body, block.body_line)


def _fence(token: Token, lines: list[str], line: int) -> Fence:
    indent, source = lines[0][: -len(lines[0].lstrip())], "\n".join(lines)
    directive = DIRECTIVE.match(token.info.strip())
    if not directive:
        return Fence("", token.info.strip(), {}, token.content.rstrip("\n"), line, line + 1,
                     indent, source)
    parsed = parse_directive_text(TestDirective, "", token.content)
    return Fence(directive["name"], directive["argument"].strip(), parsed.options,
                 "\n".join(parsed.body), line, line + 1 + parsed.body_offset, indent, source)
