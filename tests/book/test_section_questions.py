"""The sections' questions: enough of them, keys that Python computes, figures that answer them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from config import load_config
from limits import APPENDIX, LIMITS
from myst import Fence, parse_blocks
from question_keys import glued_names, names_of, wrong_keys
from questions import Option, Question, section_questions

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


REASON = re.compile(r"[:;]|\b(?:since|because|so that)\b|, (?:so|for|as)\b")
Options = Iterable[Option]


def only(options: Options) -> Option | None:
    """Return the option if there is one only."""
    found = [*options]
    return found[0] if len(found) == 1 else None


def of_length(options: Options, choose: Callable[[Iterable[int]], int]) -> Option | None:
    """Return the only option of the smallest (`min`) or largest (`max`) number of characters."""
    found = [*options]
    return only(item for item in found
                if len(item.text) == choose(len(other.text) for other in found)) if found else None


def with_reason(options: Options, wanted: bool = True) -> list[Option]:
    """Return the options that give a reason, by a colon or a word, or those that give none."""
    return [item for item in options if bool(REASON.search(item.text)) == wanted]


GUESSES: dict[str, Callable[[Options], Option | None]] = {
    "the shortest": lambda options: of_length(options, min),
    "the longest": lambda options: of_length(options, max),
    "the only one with a reason": lambda options: only(with_reason(options)),
    "the only one without a reason": lambda options: only(with_reason(options, False)),
    "the shortest without a reason": lambda options: of_length(with_reason(options, False), min),
    "the longest with a reason": lambda options: of_length(with_reason(options), max),
}


def hits_and_limit(questions: Iterable[Question],
                   guess: Callable[[Options], Option | None]) -> tuple[int, int]:
    """Return how often a guess by form alone is right, and the 99 % quantile under chance.

    By chance one option of k is right, whatever it looks like. So each question in which the guess
    names an option adds a hit with probability 1/k, and the number of hits is a sum of these.
    """
    hits, chance = 0, np.ones(1)
    for question in questions:
        if not only(item for item in question.options if item.right):
            continue  # several are right
        if named := guess(question.options):
            hits += named.right
            probability = 1 / len(question.options)
            chance = np.convolve(chance, [1 - probability, probability])
    return hits, int(np.argmax(np.cumsum(chance) >= 0.99))


@pytest.mark.parametrize("guess", GUESSES)
def test_form_gives_no_answer_away(guess: str) -> None:
    hits, limit = hits_and_limit(ALL, GUESSES[guess])
    assert hits <= limit, f"{guess} is right in {hits} questions, by chance in {limit} at most"


def form_of(*texts: str, right: int = 0) -> Question:
    """Return a question with these options."""
    return Question("q", "concept", "Which?", tuple(
        Option(letter, place == right, text, "Why.")
        for place, (letter, text) in enumerate(zip("ABCD", texts, strict=False))))


@pytest.mark.parametrize(("guess", "texts"), [
    ("the shortest", ("Yes.", "No, never.", "No, hardly.")),
    ("the longest", ("It depends on the case.", "Never.", "Always.")),
    ("the only one with a reason", ("It rises: less is left.", "It falls.", "It stays.")),
    ("the only one without a reason", ("It rises.", "It falls: luck.", "It stays: luck.")),
    ("the shortest without a reason", ("No.", "Not at all.", "Yes: it does.")),
    ("the longest with a reason", ("Yes, since it is so.", "No: never.", "I do not know that.")),
])
def test_a_form_that_gives_the_answer_away_is_found(guess: str, texts: tuple[str, ...]) -> None:
    hits, limit = hits_and_limit([form_of(*texts)] * 30, GUESSES[guess])
    assert hits == 30 > limit
    third = [form_of(*texts, right=place) for place in range(3)] * 10
    assert hits_and_limit(third, GUESSES[guess])[0] == 10 <= limit


def test_the_limit_of_chance() -> None:
    # 30 questions of three options: more than 16 hits in 0.7 %, more than 15 in 1.9 % of cases
    assert hits_and_limit([form_of("a", "bb", "cc")] * 30, GUESSES["the shortest"])[1] == 16
    same = form_of("aa", "bb", "cc")  # no option is the shortest, so there is nothing to guess
    assert hits_and_limit([same] * 30, GUESSES["the shortest"]) == (0, 0)


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
