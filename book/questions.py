"""Read the questions of a section: their options, each with its explanation, and their keys.

A question is a directive. Its text comes first, then a list of options: `[x]` marks the right one,
a paragraph below an option says why it is right or wrong.

    ```{question}
    :label: q_intro_sign
    :kind: predict

    Which sign will the slope have?

    - [x] A negative one.

      Each epoch lowers the error.

    - [ ] A positive one.

      That would be an error that training raises.
    ```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from config import BookError, errors_of
from files import read_source
from myst import Fence, parse_blocks, walk

TITLES = {"predict": "Predict before you look", "concept": "Think", "number": "Work it out"}
LETTERS = "ABCDEF"
OPTION = re.compile(r"^- \[(?P<mark>[ x])\] (?=\S)", re.MULTILINE)
LINK = re.compile(r"\{(?!glue:text\})[\w:.-]+\}`|\]\(")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Option:
    """One answer that a reader may choose, and what the book says to it."""

    letter: str
    right: bool
    text: str
    explanation: str

    @property
    def verdict(self) -> str:
        """What the explanation begins with."""
        return "Right." if self.right else "No."


@dataclass(frozen=True)
class Question:
    """A question with its options; `value` and `check` are Python expressions that tests run."""

    label: str
    kind: str
    text: str
    options: tuple[Option, ...]
    value: str = ""
    """What the number in the right option has to be."""
    check: str = ""
    """What has to be true for the right option to be right."""

    @property
    def title(self) -> str:
        """What the reader is asked to do."""
        return TITLES[self.kind]

    @property
    def hint(self) -> str:
        """A line that says how many options are right if it is not one, or ""."""
        return "Several answers are right." if sum(item.right for item in self.options) > 1 else ""


def read_question(options: Mapping[str, str], body: str) -> Question:
    """Return the question that a directive's options and body hold; BookError says what it lacks.

    One option is right, or several where the option `several` says so. Each has an explanation.
    """
    label = options.get("label", "")
    try:
        question = _read(options, label, body)
        _require(question, "several" in options)
    except BookError as error:
        raise BookError(f"question {label or 'without a label'}: {error}") from error
    return question


def _read(options: Mapping[str, str], label: str, body: str) -> Question:
    unknown = {*options} - {"label", "kind", "value", "check", "several"}
    if unknown:
        raise BookError(f"unknown option {', '.join(sorted(unknown))}")
    marks = [*OPTION.finditer(body)]
    text = body[:marks[0].start()] if marks else body
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    if len(marks) > len(LETTERS):
        raise BookError(f"{len(marks)} options are more than {len(LETTERS)}")
    return Question(label, options.get("kind", ""), text.strip(), tuple(
        _option(letter, mark, body[mark.end():end])
        for letter, mark, end in zip(LETTERS, marks, ends, strict=False)),
        options.get("value", ""), options.get("check", ""))


def _option(letter: str, mark: re.Match[str], source: str) -> Option:
    lines = source.rstrip().split("\n")
    if stray := [line for line in lines[1:] if line.strip() and not line.startswith("  ")]:
        raise BookError(f"the line {stray[0]!r} belongs to no option: indent it by two spaces, or "
                        "begin an option with `- [ ] ` or `- [x] `")
    text, _, explanation = dedent("\n".join(["  " + lines[0], *lines[1:]])).partition("\n\n")
    return Option(letter, mark["mark"] == "x", text.strip(), explanation.strip())


def _require(question: Question, several: bool) -> None:
    """Raise BookError for the first thing that a question lacks."""
    right = sum(item.right for item in question.options)
    is_number = question.kind == "number" or bool(question.value)
    lacks = [
        (not question.label, "give it a `:label:`"),
        (question.kind not in TITLES, f"kind {question.kind!r}: expected one of {[*TITLES]}"),
        (not question.text, "it has no text before the options"),
        (len(question.options) < 2, "it needs at least two options, `- [ ] ` or `- [x] `"),
        (several and right < 2, f"`:several:` with {right} right options"),
        (not several and right != 1, f"{right} options are right; mark one with [x], or say "
                                     "`:several:`"),
        (right == len(question.options), "all options are right"),
        (is_number and not question.value, "a number question needs a `:value:`"),
        (bool(question.value) and question.kind == "concept", "a concept has no `:value:`"),
    ]
    lacks += [(not item.explanation, f"option {item.letter} has no explanation below it")
              for item in question.options]
    lacks += [(bool(same), f"two options say {same!r}") for same in _repeated(question)]
    lacks += [(bool(LINK.search(item.text)), f"option {item.letter} holds a link: it is a button "
               "itself, so put the link below it") for item in question.options]
    lacks += [(is_number and not NUMBER.search(item.text),
               f"option {item.letter} has no number to compare with the value")
              for item in question.options]
    for lack, message in lacks:
        if lack:
            raise BookError(message)


def _repeated(question: Question) -> set[str]:
    texts = [item.text for item in question.options]
    return {text for text in texts if texts.count(text) > 1}


def questions_of(text: str) -> list[Question]:
    """Return the questions of a section, or of a part of one, in order."""
    return [read_question(block.options, block.body) for block in walk(text)
            if isinstance(block, Fence) and block.name == "question"]


def section_questions(path: Path) -> list[Question]:
    """Return the questions of the section at `path`; BookError names the file."""
    with errors_of(path):
        return questions_of(read_source(path))


def without_questions(text: str) -> str:
    """Return Markdown without its questions."""
    return "\n".join(block if isinstance(block, str) else block.source
                     for block in parse_blocks(text)
                     if isinstance(block, str) or block.name != "question")

