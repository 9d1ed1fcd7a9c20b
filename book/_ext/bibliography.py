"""Author-year citations: the bibliography's labels read like the citations in the text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pybtex.plugin
import sphinxcontrib.bibtex.plugin
from citations import author_year
from pybtex.database import Entry
from pybtex.style.formatting.unsrt import Style as UnsrtStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

STYLE = "book_author_year"
ROUND = partial(BracketStyle, left="(", right=")", sep="; ")


class AuthorYearLabels(BaseLabelStyle):
    """Labels as the text cites: the first author, or both of two, and the year."""

    def format_labels(self, sorted_entries: list[Entry]) -> Iterator[str]:
        return (", ".join(author_year(entry)) for entry in sorted_entries)


class AuthorYearStyle(UnsrtStyle):
    """Entries sorted by author and year, under author-year labels."""

    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels


@dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """Citations in round brackets: `(Snoek et al., 2012)`, `Snoek et al. (2012)`."""

    bracket_textual: BracketStyle = field(default_factory=ROUND)
    bracket_parenthetical: BracketStyle = field(default_factory=ROUND)


def setup(app: Sphinx) -> dict[str, Any]:
    pybtex.plugin.register_plugin("pybtex.style.formatting", STYLE, AuthorYearStyle)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", STYLE, RoundAuthorYear
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
