"""Turn MyST Markdown into Markdown that plain Jupyter and Colab show well."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from config import BookError
from labels import MATH, TARGET, Citations, Labels, Target
from markdown_it import MarkdownIt
from myst import Fence, Text, parse_blocks
from tables import list_table, quote

INLINE = re.compile(
    rf"{MATH.pattern}"
    r"|(?:\{(?P<role>[\w:.-]+)\})?(?P<ticks>`+)(?P<code>(?:(?!\n[ \t]*\n).)+?)(?<!`)(?P=ticks)(?!`)"
    r"|(?P<image>!?)\[(?P<text>[^\]\[]*)\]\((?P<url>[^()\s]+)\)", re.DOTALL)
TITLED = re.compile(r"(?P<text>.+?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
ADMONITIONS = {"note", "tip", "hint", "important", "warning", "caution", "attention", "danger",
               "error", "seealso", "admonition", "margin", "sidebar", "topic", "epigraph"}
DROPPED = {"bibliography", "raw", "contents", "exercise-end", "solution-end", "tableofcontents"}
CONTAINERS = {"grid", "grid-item", "card", "tab-set", "container", "div"}


class PlainMarkdown:
    """Converts cells; knows the labels of all sections and the bibliography."""

    def __init__(self, paths: list[Path], bibliography: Path) -> None:
        self.labels = Labels(paths)
        self.citations = Citations(bibliography)
        self._counts: dict[tuple[Path, str], int] = Counter()
        self._cited_keys: dict[Path, set[str]] = {}

    def convert(self, text: str, path: Path) -> str:
        """Return the MyST `text` of the section at `path` as plain Markdown.

        Cells of a section are converted in order, once: unlabelled figures are counted.
        BookError names the file and the role, directive, label or key that is unknown.
        """
        return re.sub(r"\n{3,}", "\n\n", self._blocks(text, path)).strip("\n")

    def caption(self, metadata: Mapping, path: Path) -> str:
        """Return the caption that a code cell's metadata hold for its figure, or ""."""
        figure = metadata.get("mystnb", {}).get("figure", {})
        if not figure:
            return ""
        return self._caption("Figure", path, str(figure.get("caption", "")))

    def references(self, path: Path) -> str:
        """Return a list of what the converted cells of a section cite, or ""."""
        keys = self._cited_keys.get(path)
        return f"## References\n\n{self.citations.references(keys)}" if keys else ""

    def _blocks(self, text: str, path: Path) -> str:
        parts = [self._inline(block.text, path) if isinstance(block, Text)
                 else self._directive(block, path) for block in parse_blocks(text)]
        return "\n".join(parts)

    # Text

    def _inline(self, text: str, path: Path) -> str:
        text = TARGET.sub("", text)
        text = re.sub(r"^%.*\n?", "", text, flags=re.MULTILINE)
        return INLINE.sub(lambda match: self._replace(match, path), text)

    def _replace(self, match: re.Match[str], path: Path) -> str:
        if match["math"]:
            return self._equation(match["math"], match["label"])
        if match["url"]:
            return self._link(match, path)
        if not match["role"]:
            return match[0]
        role = match["role"].split(":")[0] if match["role"].startswith("glue") else match["role"]
        if role not in ROLES:
            raise BookError(f"{path.name}: role {{{role}}} has no plain form; add it to plain.py")
        return ROLES[role](self, " ".join(match["code"].split()), path)

    def _equation(self, math: str, label: str | None) -> str:
        tag = f"\\tag{{{self.labels[label].number}}}" if label else ""
        return f"$$\n{math.strip()} {tag}".rstrip() + "\n$$"

    def _link(self, match: re.Match[str], path: Path) -> str:
        url, text = match["url"], match["text"]
        if match["image"]:
            return f"![{text}]({_image(url)})"
        page, _, label = url.partition("#")
        if not page and label in self.labels:
            return self._reference(f"{text} <{label}>" if text else label, path)
        if page.removesuffix(".md") in self.labels.titles:
            title = self.labels.titles[page.removesuffix(".md")]
            return f"[{text or title}]({self._page(page.removesuffix('.md'))})"
        return match[0]

    def _reference(self, content: str, path: Path) -> str:
        titled = TITLED.match(content)
        label = titled["target"] if titled else content
        if label not in self.labels:
            raise BookError(f"{path.name}: label {label!r} is not defined in any section")
        target = self.labels[label]
        text = _reference_text(target)
        if titled:
            text = titled["text"].replace("%s", str(target.number)).replace(
                "{number}", str(target.number)).replace("{name}", target.title)
        return self._located(text, target, path)

    def _located(self, text: str, target: Target, path: Path) -> str:
        page = self._page(target.path.stem)
        if target.kind == "Section":
            return f"[{text}]({page})"
        if target.path == path:
            return text
        return f"{text} of [{self.labels.titles[target.path.stem]}]({page})"

    def _page(self, section: str) -> str:
        if self.labels.is_notebook[section]:
            return f"{section}.ipynb"
        return f"../chapter_hyperparameter_optimization/{section}.md"

    def _document(self, content: str, path: Path) -> str:
        titled = TITLED.match(content)
        section = titled["target"] if titled else content
        if section not in self.labels.titles:
            raise BookError(f"{path.name}: {section!r} is not a section of the book")
        text = titled["text"] if titled else self.labels.titles[section]
        return f"[{text}]({self._page(section)})"

    def _cite_in_brackets(self, content: str, path: Path) -> str:
        return "(" + "; ".join(
            f"{author}, {year}" for author, year in self._cited(content, path)) + ")"

    def _cite_in_text(self, content: str, path: Path) -> str:
        return ", ".join(
            f"{author} ({year})" for author, year in self._cited(content, path))

    def _cited(self, content: str, path: Path) -> list[tuple[str, str]]:
        keys = [key.strip() for key in content.split(",")]
        self._cited_keys.setdefault(path, set()).update(keys)
        return [self.citations.author_year(key) for key in keys]

    # Directives

    def _directive(self, block: Fence, path: Path) -> str:
        if not block.name:
            return block.source
        text = self._render(block, path)
        lines = text.strip("\n").split("\n") if text.strip() else []
        inner = "\n".join(block.indent + line if line else line for line in lines)
        return f"\n{inner}\n" if inner else ""

    def _render(self, block: Fence, path: Path) -> str:
        name = block.name
        if name in DIRECTIVES:
            return DIRECTIVES[name](self, block, path)
        if name in DROPPED:
            return ""
        if name in ADMONITIONS or name.startswith("prf:"):
            return self._admonition(block, path)
        if name in CONTAINERS:
            return self._blocks(block.body, path)
        raise BookError(f"{path.name}: directive {{{name}}} has no plain form; add it to plain.py")

    def _admonition(self, block: Fence, path: Path) -> str:
        title = block.name.removeprefix("prf:").replace("seealso", "see also").capitalize()
        body, argument = block.body, self._inline(block.argument, path)
        if block.name == "admonition":
            title = argument
        elif block.name.startswith("prf:"):
            title += f" {self._number(title, path)}" + (f" ({argument})" if argument else "")
        elif block.name in ("epigraph", "margin", "sidebar", "topic"):
            title = argument
        elif argument:
            body = f"{block.argument}\n{body}"
        return quote(self._titled(title, body, path))

    def _exercise(self, block: Fence, path: Path) -> str:
        number = self._number("Exercise", path)
        title = f" ({self._inline(block.argument, path)})" if block.argument else ""
        return self._titled(f"Exercise {number}{title}", block.body, path)

    def _titled(self, title: str, body: str, path: Path) -> str:
        """Return a body under its title, on the title's line if it begins with a paragraph."""
        text = self._blocks(body, path).strip("\n")
        if not title or not text:
            return f"**{title}.**" if title else text
        is_text = isinstance(parse_blocks(body.strip("\n"))[0], Text) and _is_paragraph(text)
        return f"**{title}.**" + (" " if is_text else "\n\n") + text

    def _solution(self, block: Fence, path: Path) -> str:
        title = "Solution"
        if block.argument in self.labels:
            title = f"Solution to exercise {self.labels[block.argument].number}"
        return self._details(title, block, path)

    def _dropdown(self, block: Fence, path: Path) -> str:
        return self._details(block.argument or "Details", block, path)

    def _details(self, title: str, block: Fence, path: Path) -> str:
        body = self._blocks(block.body, path).strip("\n")
        return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"

    def _solution_start(self, block: Fence, path: Path) -> str:
        return "**Solution.**"

    def _tab(self, block: Fence, path: Path) -> str:
        return f"**{block.argument}**\n\n{self._blocks(block.body, path)}".rstrip("\n")

    def _math(self, block: Fence, path: Path) -> str:
        body = "\n".join(filter(None, [block.argument, block.body]))
        return self._equation(body, block.options.get("label"))

    def _image(self, block: Fence, path: Path) -> str:
        return f"![{block.options.get('alt', '')}]({_image(block.argument)})"

    def _figure(self, block: Fence, path: Path) -> str:
        return f"{self._image(block, path)}\n\n{self._caption('Figure', path, block.body)}"

    def _list_table(self, block: Fence, path: Path) -> str:
        header_rows = int(block.options.get("header-rows", 0))
        table = list_table(self._inline(block.body, path), header_rows)
        return self._table_with(table, block, path)

    def _table(self, block: Fence, path: Path) -> str:
        return self._table_with(self._inline(block.body, path).strip(), block, path)

    def _table_with(self, table: str, block: Fence, path: Path) -> str:
        return f"{self._caption('Table', path, block.argument)}\n\n{table}"

    def _caption(self, kind: str, path: Path, text: str) -> str:
        return f"**{kind} {self._number(kind, path)}.** {self._inline(text, path).strip()}".strip()

    def _number(self, kind: str, path: Path) -> int:
        self._counts[path, kind] += 1
        return self._counts[path, kind]

    def _code(self, block: Fence, path: Path) -> str:
        return f"```{block.argument}\n{block.body}\n```"

    def _toctree(self, block: Fence, path: Path) -> str:
        if "hidden" in block.options:
            return ""
        entries = [line.strip() for line in block.body.split("\n") if line.strip()]
        return "\n".join(f"1. {self._document(entry, path)}" for entry in entries)


def _is_paragraph(text: str) -> bool:
    """Whether text begins with a paragraph that can stand behind other words."""
    first = MarkdownIt().enable("table").parse(text)[0]
    return first.type == "paragraph_open" and not text.startswith(("$$", "![", "\\begin{"))


def _reference_text(target: Target) -> str:
    if target.kind == "Section":
        return target.title
    if target.kind == "Equation":
        return f"({target.number})"
    return f"{target.kind} {target.number}"


def _image(url: str) -> str:
    """Return an image's address as seen from notebooks/: drawings are in ../img."""
    name = re.sub(r"^(?:\.\./|\./|/)?img/", "", url)
    return f"../img/{name}" if name != url else os.path.normpath(url)


def _as_code(plain: PlainMarkdown, content: str, path: Path) -> str:
    return f"`{content.split(':')[0] if ':' in content else content}`"


ROLES: dict[str, Callable[[PlainMarkdown, str, Path], str]] = {
    "ref": PlainMarkdown._reference, "numref": PlainMarkdown._reference,
    "eq": PlainMarkdown._reference, "prf:ref": PlainMarkdown._reference,
    "doc": PlainMarkdown._document, "glue": _as_code,
    "cite:p": PlainMarkdown._cite_in_brackets, "cite": PlainMarkdown._cite_in_brackets,
    "cite:t": PlainMarkdown._cite_in_text,
    "math": lambda plain, content, path: f"${content}$",
    "code": lambda plain, content, path: f"`{content}`",
    "term": lambda plain, content, path: TITLED.sub(r"\g<text>", content),
    "abbr": lambda plain, content, path: content,
    "kbd": lambda plain, content, path: f"<kbd>{content}</kbd>",
    "sub": lambda plain, content, path: f"<sub>{content}</sub>",
    "sup": lambda plain, content, path: f"<sup>{content}</sup>",
}
DIRECTIVES: dict[str, Callable[[PlainMarkdown, Fence, Path], str]] = {
    "exercise": PlainMarkdown._exercise, "exercise-start": PlainMarkdown._exercise,
    "solution": PlainMarkdown._solution, "solution-start": PlainMarkdown._solution_start,
    "dropdown": PlainMarkdown._dropdown, "tab-item": PlainMarkdown._tab,
    "math": PlainMarkdown._math, "image": PlainMarkdown._image, "figure": PlainMarkdown._figure,
    "list-table": PlainMarkdown._list_table, "table": PlainMarkdown._table,
    "code-block": PlainMarkdown._code, "code": PlainMarkdown._code,
    "toctree": PlainMarkdown._toctree,
}
