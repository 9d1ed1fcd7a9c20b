"""Questions: what they must have, how they are compared with keys, and how they are shown."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from cells import read_notebook
from config import ROOT, BookError
from conftest import SmallBook
from limits import count, too_much
from plain import PlainMarkdown
from question_keys import wrong_keys
from questions import Question, questions_of, read_question, section_questions

GOOD = """\
:label: q_a
:kind: number
:value: 2 + 2

What is 2 + 2?

- [ ] 3

  One less.

- [x] $4.0$, or
  four

  So it is:

  ```python
  2 + 2
  ```
- [ ] 5

  One more.
"""


def section_with(book: SmallBook, question: str) -> Path:
    """Write a question into the first section; return the section's path."""
    book.section("first", "x = 1", text=f"````{{question}}\n{question}````")
    return book.chapter / "first.md"


def read(question: str) -> Question:
    """Return the question that a directive with these lines holds."""
    [found] = questions_of(f"````{{question}}\n{question}````")
    return found


def test_a_question_is_read() -> None:
    question = read(GOOD)
    assert (question.label, question.kind, question.text) == ("q_a", "number", "What is 2 + 2?")
    assert [(item.letter, item.right, item.text) for item in question.options] == [
        ("A", False, "3"), ("B", True, "$4.0$, or\nfour"), ("C", False, "5")]
    assert question.options[1].explanation == "So it is:\n\n```python\n2 + 2\n```"
    assert wrong_keys(question, {}) == [] and question.hint == ""


@pytest.mark.parametrize(("old", "new", "message"), [
    ("  One more.\n", "", "option C has no explanation"),
    ("\n  One less.\n", "", "option A has no explanation"),
    ("[x]", "[ ]", "0 options are right"),
    ("- [ ] 3", "- [x] 3", "2 options are right"),
    (":value: 2 + 2", ":value: 2 + 2\n:several:", "`:several:` with 1 right"),
    ("- [ ] 5", "- [ ] five", "option C has no number"),
    (":value: 2 + 2\n", "", "needs a `:value:`"),
    (":kind: number", ":kind: concept", "a concept has no `:value:`"),
    (":kind: number", ":kind: quiz", "kind 'quiz'"),
    (":label: q_a\n", "", "a `:label:`"),
    ("What is 2 + 2?", "", "no text before the options"),
    ("- [ ] 5", "- [ ] 5, {eq}`eq_a`", "option C holds a link"),
    ("- [ ] 5", "- [ ] 5, [there](https://example.org)", "option C holds a link"),
    ("- [ ] 5", "- [ ] 3", "two options say '3'"),
    ("  One less.", "One less.", "belongs to no option"),
    ("- [ ] 5", "- [X] 5", "belongs to no option"),
    (":value:", ":values:", "unknown option values"),
    (GOOD[GOOD.index("- [ ] 3"):], "", "at least two options"),
])
def test_a_question_that_lacks_something_is_refused(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BookError, match=message):
        read(GOOD.replace(old, new, 1))


def test_several_right_options_are_said_to_be_several() -> None:
    options = {"label": "q", "kind": "concept", "several": ""}
    body = "Which?\n\n" + "\n".join(f"- [{mark}] {text}\n\n  Since.\n" for mark, text in
                                    (("x", "one"), ("x", "two"), (" ", "three")))
    assert read_question(options, body).hint == "Several answers are right."
    with pytest.raises(BookError, match="all options are right"):
        read_question(options, body.replace("[ ]", "[x]"))


def test_the_file_of_a_bad_question_is_named(small_book: SmallBook) -> None:
    path = section_with(small_book, GOOD.replace("  One more.\n", ""))
    with pytest.raises(BookError, match="first.md: question q_a: option C"):
        section_questions(path)


@pytest.mark.parametrize(("value", "wrong"), [
    ("2 + 2", []), ("4.04", []),
    ("5", ["q_a: B says 4, the value is 5", "q_a: C says 5, the value is 5"]),
    ("4.06", ["q_a: B says 4, the value is 4.06"]),
    ("3.4", ["q_a: A says 3, the value is 3.4", "q_a: B says 4, the value is 3.4"]),
])
def test_a_key_is_compared_to_the_digits_that_it_has(value: str, wrong: list[str]) -> None:
    assert wrong_keys(read(GOOD.replace("2 + 2", value, 1)), {}) == wrong


def test_a_check_has_to_be_true_itself() -> None:
    question = read(GOOD.replace(":value: 2 + 2", ":value: 4\n:check: x > 1"))
    assert wrong_keys(question, {"x": 2}) == []
    assert wrong_keys(question, {"x": 1}) == ["q_a: x > 1 is not True"]
    with pytest.raises(NameError):
        wrong_keys(question, {})


def test_a_question_unfolds_in_a_plain_notebook(small_book: SmallBook) -> None:
    text = dedent("""\
        :label: q_b
        :kind: concept

        Which {cite:t}`A`?

        - [x] $x$

          Since $x$.

        - [ ] $y$

          Never.
        """)
    (small_book.root / "lib.bib").write_text(
        "@misc{A, author = {Bee, C.}, title = {T}, year = 2000}")
    path = section_with(small_book, text)
    config = small_book.config()
    plain = PlainMarkdown(config.section_paths(), config.bibliography)
    assert plain.convert(f"```{{question}}\n{text}```", path) == dedent("""\
        **Question 1. Think.** Which Bee (2000)?

        - **A.** $x$
        - **B.** $y$

        <details>
        <summary>If you chose A</summary>

        **Right.** Since $x$.

        </details>

        <details>
        <summary>If you chose B</summary>

        **No.** Never.

        </details>""")


def test_questions_count_for_themselves_only(small_book: SmallBook) -> None:
    small_book.section("first", "print(1)", text="Some words here.")
    path = small_book.chapter / "first.md"
    plain = count(path)
    fence = f"````{{question}}\n{GOOD}````\n\n"
    text = path.read_text()
    between = text.replace("```{code-cell}", fence + "```{code-cell}") + "\n" + fence + "\n"
    path.write_text(between)
    counts = count(path)
    assert counts.questions == 2 and plain.questions == 0
    assert replace(counts, questions=0) == plain


def test_nine_questions_are_too_many(small_book: SmallBook) -> None:
    path = section_with(small_book, GOOD)
    assert "questions" not in too_much(count(path))
    path.write_text(path.read_text() + 7 * f"\n````{{question}}\n{GOOD}````\n")
    assert "questions" not in too_much(count(path))
    path.write_text(path.read_text() + f"\n````{{question}}\n{GOOD}````\n")
    assert "questions" in too_much(count(path))


def test_a_cell_of_code_is_not_split_by_a_question_alone(small_book: SmallBook) -> None:
    small_book.section("first", "x = 1", "y = 2")
    path = small_book.chapter / "first.md"
    fence = f"````{{question}}\n{GOOD}````\n\n"
    head, cell, tail = path.read_text().rpartition("```{code-cell}")
    path.write_text(head + fence + cell + tail)
    assert [cell.cell_type for cell in read_notebook(path).cells] == [
        "markdown", "code", "markdown", "code"]
    assert count(path).lines_in_a_row == 2


def built(builder: str, source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the page of a folder as the book is built."""
    return subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", builder,
                           "-c", str(ROOT / "book"), str(source), str(target)],
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a start page and a section that has a question."""
    source = tmp_path_factory.mktemp("questions")
    (source / "index.md").write_text("# Book\n\n```{toctree}\n:numbered:\n\none\nrefs\n```\n")
    table = "```{list-table} A table.\n:name: tab_here\n\n* - 1\n```\n"
    question = GOOD.replace("One less.", "One less, see {numref}`tab_here`.")
    (source / "one.md").write_text(
        f"# One\n\n{table}\n````{{question}}\n{question}````\n\nMore.\n")
    (source / "refs.md").write_text("# Refs\n\nNone.\n")
    return source


def test_web_page_needs_no_script_for_a_question(page: Path, tmp_path: Path) -> None:
    built("html", page, tmp_path)
    html = (tmp_path / "one.html").read_text(encoding="utf-8")
    box = html[html.index('<div class="question"'):html.index("More.")]
    assert 'id="q-a" role="group" aria-labelledby="q-a-title"' in box
    assert ">Question 1.1. Work it out</p>" in box
    assert box.count('<details class="question-option"><summary>') == 3
    assert box.count("4.0") == 1 and "&lt;" not in box
    assert box.count("<strong>No.</strong>") == 2 and box.count("<strong>Right.</strong>") == 1
    assert " open" not in box


def test_pdf_has_the_answers_in_an_appendix(page: Path, tmp_path: Path) -> None:
    built("latex", page, tmp_path)
    text = (tmp_path / "d2l_hpo.tex").read_text(encoding="utf-8")
    question = text[text.index(r"\begin{bookquestion}"):text.index(r"\end{bookquestion}")]
    assert "{Question 1.1. Work it out}{answer:q-a}" in question
    assert question.count(r"\bookoption") == 3 and "One less" not in question
    answers = text[text.index(r"\section{Answers to the Questions}"):]
    assert "{Answer to question 1.1: B}{answer:q-a}" in answers
    assert r"\hyperref[\detokenize{one:tab-here}]" in answers.split("So it is")[0]
    assert answers.index("One less") < answers.index("So it is") < answers.index("One more")
    assert text.index("More.") < text.index(r"\section{Answers") < text.index(r"\section{Refs}")


def test_bad_question_stops_the_build(tmp_path: Path) -> None:
    bad = GOOD.replace("  One more.\n", "")
    (tmp_path / "index.md").write_text(f"# Book\n\n````{{question}}\n{bad}````\n")
    done = built("html", tmp_path, tmp_path / "html")
    assert "question q_a: option C has no explanation" in done.stderr
