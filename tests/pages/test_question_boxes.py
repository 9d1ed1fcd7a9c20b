"""Keys of questions that are results of a section agree with what its executed copy has stored."""

from __future__ import annotations

import nbformat
import pytest
from built_book import BOOK, require_built
from question_keys import glued_names, names_of, results_of, wrong_keys
from questions import Question, section_questions

QUOTING = [(path.stem, question) for path in BOOK.section_paths()
           for question in section_questions(path) if glued_names(question)]


@pytest.mark.parametrize(("section", "question"), QUOTING,
                         ids=[question.label for _, question in QUOTING])
def test_keys_agree_with_the_results_of_the_section(section: str, question: Question) -> None:
    page = require_built(BOOK.build / "notebooks" / f"{section}.ipynb", "make executed")
    results = results_of(nbformat.read(page, as_version=4))
    expressions = f"({question.value or None}, {question.check or None})"
    assert glued_names(question) <= results.keys()
    assert wrong_keys(question, names_of(expressions, results.__getitem__)) == []
