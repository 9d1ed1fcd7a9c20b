"""Turn MyST Markdown into Markdown that plain Jupyter and Colab show well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from citations import Bibliography, author_year
from config import BookError, errors_of
from labels import MATH, TARGET, Labels, captioned
from markdown_it import MarkdownIt
from myst import Fence, parse_blocks
from questions import read_question
from tables import list_table

INLINE = re.compile(
    rf"(?P<comment><!--.*?-->)|{MATH.pattern}"
    r"|(?:\{(?P<role>[\w:.-]+)\})?(?P<ticks>`+)(?P<code>(?:(?!\n[ \t]*\n).)+?)(?<!`)(?P=ticks)"
    r"(?!`)|\]\((?P<local>[^():\s]*[.#][^():\s]*)\)", re.DOTALL)
BLOCKS = MarkdownIt().enable("table").disable("inline")


class PlainMarkdown:
    """Converts cells; knows the labels of all sections and the bibliography."""

    def __init__(self, paths: list[Path], bibliography: Path) -> None:
        self.labels = Labels(paths)
        self.targets = self.labels.targets
        self.bibliography = Bibliography(bibliography)
        self._counts: dict[tuple[Path, str], int] = Counter()
        self._cited_keys: dict[Path, set[str]] = {}
        self.results: set[str] = set()  # the names of results that the converted cells quote

    def convert(self, text: str, path: Path) -> str:
        """Return the MyST `text` of the section at `path` as plain Markdown.

        Cells of a section are converted in order, once: unlabelled figures are counted.
        BookError names the file and the role, directive, label or key that is unknown.
        """
        with errors_of(path):
            return re.sub(r"\n{3,}", "\n\n", self._blocks(text, path)).strip("\n")

    def caption(self, metadata: Mapping, path: Path) -> str:
        """Return the caption that a code cell's metadata hold for its figure or table, or ""."""
        with errors_of(path):
            return "\n\n".join(self._caption(kind, path, shown.get("caption", ""))
                               for kind, shown in captioned(metadata))

    def references(self, path: Path) -> str:
        """Return a list of what the converted cells of a section cite, or ""."""
        keys = self._cited_keys.get(path)
        with errors_of(path):
            return f"## References\n\n{self.bibliography.references(keys)}" if keys else ""

    def _blocks(self, text: str, path: Path) -> str:
        return "\n".join(self._inline(block, path) if isinstance(block, str)
                         else self._directive(block, path) for block in parse_blocks(text))

    # Text

    def _inline(self, text: str, path: Path) -> str:
        return INLINE.sub(lambda match: self._replace(match, path), TARGET.sub("", text))

    def _replace(self, match: re.Match[str], path: Path) -> str:
        if match["comment"]:
            return match[0]
        if match["math"]:
            tag = f"\\tag{{{self.targets[match['label']].number}}}" if match["label"] else ""
            return f"$$\n{match['math'].strip()} {tag}".rstrip() + "\n$$"
        if match["local"]:
            raise BookError(f"a link to {match['local']!r} has no plain form; write {{ref}}, "
                            "{numref} or {figure}")
        if not match["role"]:
            return match[0]
        if match["role"] not in ROLES:
            raise BookError(f"role {{{match['role']}}} has no plain form; add it to plain.py")
        return ROLES[match["role"]](self, " ".join(match["code"].split()), path)

    def _reference(self, label: str, path: Path) -> str:
        if label not in self.targets:
            raise BookError(f"label {label!r} is not defined in any section")
        target = self.targets[label]
        page = self.labels.pages[target.path.stem]
        if target.kind == "Section":
            return f"[{target}]({page})"
        if target.path == path:
            return str(target)
        return f"{target} of [{self.labels.titles[target.path.stem]}]({page})"

    def _cite_in_brackets(self, keys: str, path: Path) -> str:
        return f"({'; '.join(', '.join(cited) for cited in self._cited(keys, path))})"

    def _cite_in_text(self, keys: str, path: Path) -> str:
        return ", ".join(f"{author} ({year})" for author, year in self._cited(keys, path))

    def _cited(self, keys: str, path: Path) -> list[tuple[str, str]]:
        cited = [key.strip() for key in keys.split(",")]
        self._cited_keys.setdefault(path, set()).update(cited)
        return [author_year(self.bibliography[key]) for key in cited]

    def _python_name(self, name: str, path: Path) -> str:
        return f"`{name.rpartition('.')[2]}`"

    def _result(self, name: str, path: Path) -> str:
        self.results.add(name.split(":")[0])
        return f"`{name.split(':')[0]}`"

    # Directives

    def _directive(self, block: Fence, path: Path) -> str:
        if not block.name:
            return block.source
        if block.name not in DIRECTIVES:
            raise BookError(f"directive {{{block.name}}} has no plain form; add it to plain.py")
        text = DIRECTIVES[block.name](self, block, path).strip("\n")
        lines = [block.indent + line if line else line for line in text.split("\n")]
        return "\n".join(["", *lines, ""]) if text.strip() else ""

    def _dropped(self, block: Fence, path: Path) -> str:
        return ""

    def _admonition(self, block: Fence, path: Path) -> str:
        text = self._titled(self._inline(block.argument, path), block, path)
        return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))

    def _exercise(self, block: Fence, path: Path) -> str:
        title = f" ({self._inline(block.argument, path)})" if block.argument else ""
        return self._titled(f"Exercise {self._number('Exercise', path)}{title}", block, path)

    def _titled(self, title: str, block: Fence, path: Path) -> str:
        """Return a body under its title, on the title's line if it begins with a paragraph."""
        text = self._blocks(block.body, path).strip("\n")
        if not text:
            return f"**{title}.**"
        first = parse_blocks(block.body.strip("\n"))[0]
        joins = (isinstance(first, str) and BLOCKS.parse(text)[0].type == "paragraph_open"
                 and not text.startswith("$$"))
        return f"**{title}.**" + (" " if joins else "\n\n") + text

    def _solution(self, block: Fence, path: Path) -> str:
        exercise = block.argument
        number = f" to exercise {self.targets[exercise].number}" if exercise in self.targets else ""
        body = self._blocks(block.body, path).strip("\n")
        return f"<details>\n<summary>Solution{number}</summary>\n\n{body}\n\n</details>"

    def _question(self, block: Fence, path: Path) -> str:
        question = read_question(block.options, block.body)
        number = self._number("Question", path)
        parts = [f"**Question {number}. {question.title}.** "
                 + self._blocks(question.text, path).strip("\n"), question.hint,
                 "\n".join(f"- **{item.letter}.** {self._inline(item.text, path)}"
                           for item in question.options)]
        for item in question.options:
            reason = self._blocks(item.explanation, path).strip("\n")
            parts.append(f"<details>\n<summary>If you chose {item.letter}</summary>\n\n"
                         f"**{item.verdict}** {reason}\n\n</details>")
        return "\n\n".join(filter(None, parts))

    def _figure(self, block: Fence, path: Path) -> str:
        image = "../" + block.argument.lstrip("./")  # drawings are in img/ beside notebooks/
        caption = self._caption("Figure", path, block.body)
        return f"![{block.options.get('alt', '')}]({image})\n\n{caption}"

    def _explorable(self, block: Fence, path: Path) -> str:
        still = replace(block, argument=f"/img/lab/{block.argument}.svg")
        return self._figure(still, path)

    def _list_table(self, block: Fence, path: Path) -> str:
        header_rows = int(block.options.get("header-rows", 0))
        table = list_table(self._inline(block.body, path), header_rows)
        return f"{self._caption('Table', path, block.argument)}\n\n{table}"

    def _caption(self, kind: str, path: Path, text: str) -> str:
        return f"**{kind} {self._number(kind, path)}.** {self._inline(text, path).strip()}".strip()

    def _number(self, kind: str, path: Path) -> int:
        self._counts[path, kind] += 1
        return self._counts[path, kind]


ROLES: dict[str, Callable[[PlainMarkdown, str, Path], str]] = {
    "ref": PlainMarkdown._reference, "numref": PlainMarkdown._reference,
    "eq": PlainMarkdown._reference, "glue:text": PlainMarkdown._result,
    "cite:p": PlainMarkdown._cite_in_brackets, "cite:t": PlainMarkdown._cite_in_text,
    "py:obj": PlainMarkdown._python_name,
}
DIRECTIVES: dict[str, Callable[[PlainMarkdown, Fence, Path], str]] = {
    "admonition": PlainMarkdown._admonition, "figure": PlainMarkdown._figure,
    "explorable": PlainMarkdown._explorable,
    "exercise": PlainMarkdown._exercise, "solution": PlainMarkdown._solution,
    "list-table": PlainMarkdown._list_table, "question": PlainMarkdown._question,
    "bibliography": PlainMarkdown._dropped, "toctree": PlainMarkdown._dropped,
}
