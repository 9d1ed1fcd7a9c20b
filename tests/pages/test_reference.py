"""The reference: every public name has an entry, and sections and entries lead to each other."""
import pytest
from built_book import BOOK, HTML, require_built
from reference import page_name, reference_pages, section_note, taught_names
from sphinx.util.inventory import InventoryFile

PUBLIC = {name: role for role, names in BOOK.public.items() for name in names}


@pytest.fixture(scope="module")
def entries():
    """The addresses of all names that Sphinx describes."""
    path = require_built(HTML / "objects.inv", "make html")
    found = InventoryFile.loads(path.read_bytes(), uri="")
    return {name: item.uri for kind in found.data if kind.startswith("py:")
            for name, item in found.data[kind].items()}


def test_every_public_name_is_described_on_the_page_of_its_role(entries):
    missing = {name: role for name, role in PUBLIC.items()
               if not entries.get(f"d2l_hpo.{name}", "").startswith(page_name(role) + ".html")}
    assert not missing


def test_sections_lead_to_what_they_teach_and_back():
    taught = taught_names(BOOK)
    pages = reference_pages(BOOK, taught)
    assert "Taught in {numref}`sec_bo`" in pages["api-searchers"]
    assert "BayesianSearcher" in taught["bo"] and "HPOSearcher" in taught["hyperopt-api"]
    assert "{py:obj}`~d2l_hpo.TPESearcher`" in section_note("bo", taught)
    assert section_note("references", taught) == ""
    everywhere = [name for names in taught.values() for name in names]
    assert len(everywhere) == len(set(everywhere))


def test_a_section_page_links_to_the_reference():
    html = require_built(HTML / "bo.html", "make html").read_text(encoding="utf-8")
    assert 'href="api-searchers.html#d2l_hpo.BayesianSearcher"' in html


def test_constants_have_their_comment_on_the_page():
    pages = reference_pages(BOOK, taught_names(BOOK))
    assert "One colour a method through the whole book" in pages["api-figures"]
