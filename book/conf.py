"""Sphinx configuration: renders the executed notebooks, and never executes anything itself."""

import sys
from pathlib import Path

BOOK_DIR = Path(__file__).resolve().parent
sys.path[:0] = [str(BOOK_DIR), str(BOOK_DIR / "_ext")]

from config import load_config  # noqa: E402 - found through the line above
from sphinx.util import texescape  # noqa: E402

_book = load_config(BOOK_DIR.parent)

project = _book.title
author = copyright = _book.authors
release = version = _book.release
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_exercise",
    "sphinx_proof",
    "sphinx_togglebutton",
    "sphinxcontrib.bibtex",
    "accessible",
    "bibliography",
    "dark_figures",
    "dataframes",
    "empty_outputs",
    "equations",
    "explorables",
    "latex_book",
    "linked_drawings",
    "offline_html",
    "page_breaks",
    "question_boxes",
    "sources",
    "svg_to_pdf",
    "terms",
]

# Notebooks and Markdown
section_order = list(_book.sections)
nb_execution_mode = "off"
nb_merge_streams = True
nb_mime_priority_overrides = [("latex", "image/svg+xml", 15)]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "substitution"]
myst_dmath_double_inline = True
myst_heading_anchors = 3

# Numbers and references
numfig = True
numfig_secnum_depth = 1
numfig_format = {
    "figure": "Figure %s",
    "table": "Table %s",
    "code-block": "Listing %s",
    "section": "Section %s",
}
math_numfig = True
math_eqref_format = "({number})"
bibtex_bibfiles = [str(_book.bibliography)]
bibtex_default_style = "book_author_year"
bibtex_reference_style = "book_author_year"

# Reference
default_role = "code"  # in docstrings, which are plain text with `names`
autodoc_inherit_docstrings = False  # d2l's are written for another book
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80

# HTML
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_favicon = html_logo = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_use_index = False
html_domain_indices = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_start": [],
    "navbar_persistent": [],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "logo": {"text": project, "alt_text": "Start page"},
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": (
        f"<p>{project}, release {release}, by {author}. Text: CC BY-SA 4.0. Code: MIT.</p>"
    ),
}
copybutton_exclude = ".linenos, .gp, .go"
togglebutton_hint = "Show"
togglebutton_hint_hide = "Hide"
html_extra_path = [str(_book.notebooks)]
if (_paper := _book.build / "pdf").is_dir():  # pages link to the PDF only where there is one
    html_extra_path += [str(_paper)]
    tags.add("paper")  # noqa: F821 - Sphinx defines it
html_scaled_image_link = False
mathjax_path = "mathjax/tex-chtml-full.js"

# PDF
latex_engine = "xelatex"
texescape.init()
latex_documents = [
    ("index", "d2l_hpo.tex", texescape.escape(project), texescape.escape(author), "howto")
]
latex_additional_files = ["_latex/hpobook.sty"]
latex_domain_indices = False
latex_use_xindy = False  # its rules for the index are not installed everywhere
latex_show_urls = "no"
latex_elements = {
    "papersize": "a4paper",
    "pointsize": "11pt",
    "extraclassoptions": "oneside",
    "fontpkg": "",
    "sphinxsetup": "hmargin={2.4cm,2.4cm}, vmargin={2.5cm,2.5cm}",
    "figure_align": "htbp",
    "preamble": r"\usepackage{hpobook}",
    "printindex": "",
}
