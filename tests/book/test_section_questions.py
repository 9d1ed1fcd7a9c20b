"""The sections' questions: enough of them, keys that Python computes, figures that answer them."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from config import load_config
from limits import APPENDIX, LIMITS
from myst import Fence, parse_blocks
from question_keys import glued_names, names_of, wrong_keys
from questions import Question, section_questions

SECTIONS = load_config().section_paths()
TAUGHT = [path for path in SECTIONS if path.stem not in APPENDIX]
QUESTIONS = {path: section_questions(path) for path in SECTIONS}
ALL = [question for questions in QUESTIONS.values() for question in questions]
COMPUTED = [question for question in ALL if (question.value or question.check)
            and not glued_names(question)]


def test_labels_differ() -> None:
    assert len({question.label for question in ALL}) == len(ALL) >= 80


@pytest.mark.parametrize("path", TAUGHT, ids=[path.stem for path in TAUGHT])
def test_taught_section_has_five_to_eight_questions(path: Path) -> None:
    assert 5 <= len(QUESTIONS[path]) <= LIMITS.questions


def test_half_of_the_questions_ask_to_predict() -> None:
    assert 2 * sum(question.kind == "predict" for question in ALL) >= len(ALL)


def test_no_letter_is_a_good_guess() -> None:
    right = Counter(item.letter for question in ALL for item in question.options if item.right)
    assert max(right.values()) < 0.45 * len(ALL)


def shown_next(blocks: list[str | Fence], place: int) -> bool:
    """Whether the next thing that is seen after a block is an output, a figure or a table."""
    for block in blocks[place + 1:]:
        if isinstance(block, str):
            if block.strip():
                return False
        elif block.name == "code-cell":
            if shows_output(block):
                return True
        elif block.name in ("figure", "list-table"):
            return True
        elif block.name != "question":
            return False
    return False


def shows_output(block: Fence) -> bool:
    """Whether the cell shows something on the page: it is not removed and ends with a value."""
    return ("remove-cell" not in str(block.options.get("tags", ""))
            and isinstance(ast.parse(block.body).body[-1], ast.Expr))


@pytest.mark.parametrize("path", TAUGHT, ids=[path.stem for path in TAUGHT])
def test_what_answers_a_prediction_follows_it(path: Path) -> None:
    blocks = parse_blocks(path.read_text(encoding="utf-8"))
    early = [block.options["label"] for place, block in enumerate(blocks)
             if isinstance(block, Fence) and block.name == "question"
             and block.options["kind"] == "predict" and not shown_next(blocks, place)]
    assert early == []


@pytest.mark.parametrize("question", COMPUTED, ids=[question.label for question in COMPUTED])
def test_keys_agree_with_what_python_computes(question: Question) -> None:
    expressions = f"({question.value or None}, {question.check or None})"
    assert wrong_keys(question, names_of(expressions)) == []
