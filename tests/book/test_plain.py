"""MyST becomes Markdown that plain Jupyter shows: no role or directive stays raw."""

from __future__ import annotations

import re
from textwrap import dedent

import nbformat
import pytest
from config import BookError, load_config
from conftest import SmallBook
from markdown_it import MarkdownIt
from notebooks import plain_notebook, wanted_notebooks
from plain import PlainMarkdown

BIBLIOGRAPHY = r"""
@article{One.2001, author = {K{\'e}gl, Bal{\'a}zs}, title = {T}, journal = {J}, year = 2001}
@article{Two.2002, author = {Alpha, A. and de Beta, B.}, title = {T}, journal = {J}, year = 2002}
@book{Three.2003, author = {Alpha, A. and Beta, B. and Gamma, C.}, title = {T}, publisher = {P},
      year = 2003}
@article{Alone.2003, title = {T}, journal = {J}, year = 2003}
"""
SECOND = """\
(sec_second)=
## A later part

$$ y = f(x) $$ (eq_first)

$$
z = 1
$$ (eq_second)
"""
FIGURE = ("---\nmystnb:\n  figure:\n    name: fig_curve\n    caption: |\n      A curve of $x$, see "
          "{eq}`eq_first`.\n---\n")


@pytest.fixture
def book(small_book: SmallBook) -> SmallBook:
    """Return a book with labels, a figure and a bibliography."""
    (small_book.root / "lib.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
    small_book.section("second", "plot()", text=SECOND, options=FIGURE)
    return small_book


def convert(book: SmallBook, text: str, section: str = "first") -> str:
    """Return `text`, written in `section`, as plain Markdown."""
    if section == "first":
        book.section("first", "x = 1", text=dedent(text))
    config = book.config()
    plain = PlainMarkdown(config.section_paths(), config.bibliography)
    return plain.convert(dedent(text), book.chapter / f"{section}.md")


@pytest.mark.parametrize("source, wanted", [
    ("see {cite:t}`One.2001`", "see Kégl (2001)"),
    ("see {cite:t}`Two.2002`", "see Alpha and de Beta (2002)"),
    ("it is so {cite:p}`Three.2003,One.2001`", "it is so (Alpha et al., 2003; Kégl, 2001)"),
    ("{numref}`sec_second`", "[A later part](second.ipynb)"),
    ("{eq}`eq_second`", "(2) of [The second section](second.ipynb)"),
    ("{numref}`fig_curve`", "Figure 1 of [The second section](second.ipynb)"),
    ("was {glue:text}`best_error:.3f`", "was `best_error`"),
    ("as {py:obj}`~d2l_hpo.HPOTuner` does", "as `HPOTuner` does"),
    ("a [link](https://example.org/a.md)", "a [link](https://example.org/a.md)"),
    ("(label_here)=\n## Heading", "## Heading"),
    ("code `{ref}` and `` `x` `` stay", "code `{ref}` and `` `x` `` stay"),
    ("```python\n{cite:t}`One.2001`\n```", "```python\n{cite:t}`One.2001`\n```"),
    ("$$\nx = y\n$$ (eq_here)\n\n{eq}`eq_here`", "$$\nx = y \\tag{1}\n$$\n\n(1)"),
    ("$a$ and $$b$$", "$a$ and $$\nb\n$$"),
    ("```{admonition} A title\nText $x$.\n\nMore.\n```", "> **A title.** Text $x$.\n>\n> More."),
    (":::{admonition} See {eq}`eq_first`\n:class: tip\n\n- one\n:::",
     "> **See (1) of [The second section](second.ipynb).**\n>\n> - one"),
    ("```{exercise} Title\n:label: ex\n\nDo it.\n```\n\n{ref}`ex`",
     "**Exercise 1 (Title).** Do it.\n\nExercise 1"),
    ("```{figure} /img/a.svg\n:name: fig_a\n:alt: a drawing\n\nThe caption.\n```\n{numref}`fig_a`",
     "![a drawing](../img/a.svg)\n\n**Figure 1.** The caption.\n\nFigure 1"),
    ("```{bibliography}\n```", ""),
    ("```{toctree}\n:hidden:\n\nsecond\n```", ""),
    ("<!-- {cite:t}`No.1999`\n{ref}`gone` --> it", "<!-- {cite:t}`No.1999`\n{ref}`gone` --> it"),
    ("- item\n\n  ```{admonition} Title\n  Text\n  ```", "- item\n\n  > **Title.** Text"),
    ("```{figure} ../img/a.svg\n:alt: a drawing\n```",
     "![a drawing](../img/a.svg)\n\n**Figure 1.**"),
])
def test_roles_and_directives(book: SmallBook, source: str, wanted: str) -> None:
    assert convert(book, source) == wanted


BEGINNINGS = {
    "list": ("* one\n* two", "bullet_list_open"),
    "numbers": ("1. one\n2. two", "ordered_list_open"),
    "table": ("| a | b |\n|---|---|\n| 1 | 2 |", "table_open"),
    "bare table": ("a | b\n--|--\n1 | 2", "table_open"),
    "list-table": ("```{list-table} Names\n* - a\n  - b\n```", "paragraph_open"),
    "code": ("```python\nx = 1\n```", "fence"),
    "indented code": ("    x = 1", "code_block"),
    "heading": ("### A heading", "heading_open"),
    "underlined heading": ("A heading\n---------", "heading_open"),
    "quotation": ("> said", "blockquote_open"),
    "note": ("```{admonition} Note\nText\n```", "blockquote_open"),
    "formula": ("$$\nx = 1\n$$", "paragraph_open"),
    "figure": ("```{figure} /img/a.svg\n:alt: a\n\nCaption.\n```", "paragraph_open"),
    "html": ("<details>\nx\n</details>", "html_block"),
}
TITLED = {
    "admonition": ("admonition} Before you begin", "**Before you begin.**"),
    "exercise": ("exercise} Name", "**Exercise {} (Name).**"),
    "solution": ("solution} ex", "<details>\n<summary>Solution</summary>"),
}


@pytest.mark.parametrize("kind", TITLED)
def test_only_a_paragraph_begins_on_the_line_of_a_title(book: SmallBook, kind: str) -> None:
    config = book.config()
    plain = PlainMarkdown(config.section_paths(), config.bibliography)
    directive, title = TITLED[kind]
    opening = directive if "}" in directive else f"{directive}}}"
    for number, (body, token) in enumerate(BEGINNINGS.values(), 1):
        source = f"````{{{opening}\n{body}\n\nMore.\n````"
        text = plain.convert(source, book.chapter / "first.md")
        if kind == "admonition":
            text = "\n".join(line.removeprefix(">").removeprefix(" ") for line in text.split("\n"))
        head, separator, rest = text.partition("\n\n")
        assert (head, separator) == (title.format(number), "\n\n"), text
        assert MarkdownIt().enable("table").parse(rest)[0].type == token
        assert "More." in rest


def test_solution_with_code_unfolds(book: SmallBook) -> None:
    text = convert(book, """
        ```{exercise}
        :label: ex_a
        Do it, {cite:t}`One.2001`.
        ```

        ````{solution} ex_a
        :class: dropdown

        As {eq}`eq_first` says:

        ```python
        x = 1
        ```
        ````
        """)
    assert text == dedent("""\
        **Exercise 1.** Do it, Kégl (2001).

        <details>
        <summary>Solution to exercise 1</summary>

        As (1) of [The second section](second.ipynb) says:

        ```python
        x = 1
        ```

        </details>""")


def test_list_table_becomes_a_table(book: SmallBook) -> None:
    text = convert(book, """
        :::{list-table} Names, see {eq}`eq_first`
        :header-rows: 1
        :name: tab_a

        * - Name
          - Formula
        * - Size
          - $|x|$ or
            a | b
        :::
        """)
    assert text == dedent("""\
        **Table 1.** Names, see (1) of [The second section](second.ipynb)

        | Name | Formula |
        | --- | --- |
        | Size | $\\vert x\\vert $ or a &#124; b |""")


def test_figure_captions_follow_their_cell(book: SmallBook) -> None:
    config = book.config()
    plain = PlainMarkdown(config.section_paths(), config.bibliography)
    cells = plain_notebook(book.chapter / "second.md", plain, config).cells
    assert cells[-2].source == "plot()"
    assert cells[-1].source == "**Figure 1.** A curve of $x$, see (1)."


def test_notebook_ends_with_what_it_cites(book: SmallBook) -> None:
    book.section("first", "x = 1", text="{cite:t}`Two.2002` and {cite:p}`One.2001,Two.2002`")
    config = book.config()
    plain = PlainMarkdown(config.section_paths(), config.bibliography)
    references = plain_notebook(book.chapter / "first.md", plain, config).cells[-1].source
    heading, entries = references.split("\n\n")
    assert heading == "## References"
    assert [entry.split(" ")[1] for entry in entries.split("\n")] == ["A\\.", "Balázs"]
    assert plain_notebook(book.chapter / "second.md", plain, config).cells[-1].source[:3] == "**F"


def test_incomplete_entry_is_an_error(book: SmallBook) -> None:
    (book.root / "lib.bib").write_text("@article{A, author = {A, B.}, year = 2000}",
                                       encoding="utf-8")
    book.section("second", "x = 1")
    book.section("first", "x = 1", text="{cite:t}`A`")
    with pytest.raises(BookError, match="missing title in A"):
        wanted_notebooks(book.config())


@pytest.mark.parametrize("source, part", [
    ("{cite:t}`Nobody.1999`", "'Nobody.1999'"),
    ("{numref}`sec_missing`", "'sec_missing'"),
    ("a [link](second.md)", "'second.md'"),
    ("a [link](#sec_second)", "'#sec_second'"),
    ("![alt](/img/a.svg)", "'/img/a.svg'"),
    ("{nonsense}`x`", "{nonsense}"),
    ("```{nonsense}\n```", "{nonsense}"),
    ("```{admonition} {eq}`eq_first`\n```", "open it with `:::`"),
    ("```{question}\n:label: q_x\n:kind: concept\n\nText.\n```", "question q_x: it needs at least"),
    ("{cite:p}`Alone.2003`", "Alone.2003 has neither author nor editor"),
    ("(sec_second)=\n## Again", "'sec_second' is used twice"),
])
def test_unknown_names_are_errors(book: SmallBook, source: str, part: str) -> None:
    with pytest.raises(BookError) as caught:
        convert(book, source)
    assert part in str(caught.value)
    assert str(caught.value).startswith(("first.md: ", "second.md: label"))  # it comes second


def test_a_caption_with_an_unknown_name_is_an_error_of_its_section(book: SmallBook) -> None:
    plain = PlainMarkdown(book.config().section_paths(), book.config().bibliography)
    with pytest.raises(BookError, match="first.md: lib.bib has no entry 'Nobody.1999'"):
        plain.caption({"table": {"name": "tab", "caption": "{cite:t}`Nobody.1999`"}},
                      book.chapter / "first.md")


def test_no_title_of_the_notebooks_is_followed_by_a_list_or_table_on_its_line():
    crowded = re.compile(r"^[> ]*\*\*[^*\n]+\*\* +(?:[-*+] |\d+[.)] |\||#+ |`{3}|\$\$|>)",
                         re.MULTILINE)
    cells = [cell for text in wanted_notebooks(load_config()).values()
             for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "markdown"]
    assert len(cells) > 100
    assert [match[0] for cell in cells for match in crowded.finditer(cell.source)] == []


def test_no_line_of_a_section_begins_like_a_comment():
    """MyST takes a line that begins with a per cent sign for a comment, also within a paragraph."""
    lines = [f"{path.name}: {line}" for path in load_config().section_paths()
             for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("%")]
    assert lines == []


def test_explorable_becomes_its_still_image_with_a_number_and_caption(book: SmallBook) -> None:
    text = """\
        See {numref}`fig_lab`.

        :::{explorable} halving
        :name: fig_lab
        :alt: curves

        A caption with $x$.
        :::
        """
    assert convert(book, text) == (
        "See Figure 1.\n\n![curves](../img/lab/halving.svg)\n\n**Figure 1.** A caption with $x$.")
