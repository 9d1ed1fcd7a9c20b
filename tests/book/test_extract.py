"""The extractor: what it writes from a book without mistakes, and how it checks it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import extract
import pytest
from config import BookError
from conftest import SmallBook

ROOT = Path(__file__).resolve().parents[2]
CLASS = '#@save\nclass Model:\n    """A model."""\n\n    def fit(self):\n        return 1'


def modules(book: SmallBook) -> dict[str, str]:
    """Return module -> source that the extractor makes from `book`."""
    return {path.stem: text for path, text in extract.Extractor(book.config()).run().items()}


def body(source: str) -> str:
    """Return a module's source after its docstring."""
    return source.split('module."""', 1)[1].strip("\n")


def test_saved_code_is_verbatim_and_the_rest_is_left_out(small_book: SmallBook) -> None:
    code = "def f(x):  # a comment\n    return {1: x ,\n            2: x}\n\n# the end"
    small_book.section("first", "y = 1", f"#@save\n{code}", "print(y)")
    assert body(modules(small_book)["alpha"]) == code


def test_header_names_the_sources_and_the_docstring(small_book: SmallBook) -> None:
    small_book.section("first", CLASS)
    small_book.section("second", "#@save alpha\nLIMIT = 3")
    source = modules(small_book)["alpha"]
    assert source.index("first.md") < source.index("second.md")
    assert "Do not edit" in source.split("\n")[0]
    assert ast.get_docstring(ast.parse(source)) == "The first module."


def test_save_with_a_module_name_goes_there(small_book: SmallBook) -> None:
    small_book.section("first", "#@save\ndef f():\n    pass", "#@save beta\ndef g():\n    pass")
    made = modules(small_book)
    assert "def f" in made["alpha"] and "def g" not in made["alpha"]
    assert body(made["beta"]) == "def g():\n    pass"


def test_sections_are_read_in_the_order_of_the_book(small_book: SmallBook) -> None:
    small_book.section("second", "#@save alpha\nSECOND = 2")
    small_book.section("first", "#@save\nFIRST = 1")
    assert body(modules(small_book)["alpha"]) == "FIRST = 1\n\n\nSECOND = 2"


def test_only_used_imports_are_taken_grouped_and_sorted(small_book: SmallBook) -> None:
    (small_book.package / "space.py").write_text("def sample(): pass\n", encoding="utf-8")
    small_book.section(
        "first",
        "import pandas as pd\nimport numpy as np, sys\nfrom scipy import stats, linalg\n"
        "import collections\nfrom d2l_hpo import sample",
        "#@save\ndef f():\n    return np.ones(1), stats, sample(), collections.Counter()")
    assert body(modules(small_book)["alpha"]).split("\n\n\n")[0] == (
        "import collections\n\nimport numpy as np\nfrom scipy import stats\n\n"
        "from d2l_hpo.space import sample")


def test_imports_of_a_saved_cell_move_to_the_top(small_book: SmallBook) -> None:
    small_book.section("first", "#@save\nimport math\n\ndef f(x):\n    return math.sqrt(x)")
    assert body(modules(small_book)["alpha"]) == (
        "import math\n\n\ndef f(x):\n    return math.sqrt(x)")


def test_submodules_of_one_package_are_all_imported(small_book: SmallBook) -> None:
    small_book.section("first", "import os.path\nimport os", "#@save\nSEP = os.path.sep")
    assert body(modules(small_book)["alpha"]).startswith("import os\nimport os.path\n")


def test_imports_inside_functions_stay(small_book: SmallBook) -> None:
    code = "def f():\n    import json\n    return json"
    small_book.section("first", f"#@save\n{code}")
    assert body(modules(small_book)["alpha"]) == code


def test_compat_comes_before_torch_and_d2l(small_book: SmallBook) -> None:
    small_book.section("first", "import torch\nfrom d2l import torch as d2l",
                       "#@save\nclass M(d2l.Module):\n    x = torch.ones")
    lines = body(modules(small_book)["alpha"]).split("\n")
    compat = next(i for i, text in enumerate(lines) if "import compat" in text)
    assert compat < lines.index("from d2l import torch as d2l")
    assert compat < lines.index("import torch")


def test_add_to_class_alone_does_not_import_d2l(small_book: SmallBook) -> None:
    small_book.section("first", "from d2l import torch as d2l", CLASS,
                       "#@save\n@d2l.add_to_class(Model)\ndef g(self):\n    return 2")
    source = modules(small_book)["alpha"]
    assert "d2l import" not in source and "compat" not in source and "def g" in source


def test_package_imports_vanish_where_the_name_lives(small_book: SmallBook) -> None:
    small_book.section("first", CLASS)
    small_book.section("second", "from d2l_hpo import Model",
                       "#@save alpha\ndef make():\n    return Model()",
                       "#@save\ndef both():\n    return Model()")
    made = modules(small_book)
    assert "import" not in body(made["alpha"])
    assert body(made["beta"]).startswith("from d2l_hpo.alpha import Model\n")


def test_names_of_the_same_section_saved_elsewhere_are_imported(small_book: SmallBook) -> None:
    small_book.section("first", CLASS, "#@save beta\ndef make():\n    return Model()")
    assert body(modules(small_book)["beta"]).startswith("from d2l_hpo.alpha import Model\n")


def with_folders(book: SmallBook, public: str = "Searchers = Model\n") -> Path:
    """Put the second module and a handwritten one into folders; return the first folder."""
    path = book.root / "config.ini"
    text = path.read_text(encoding="utf-8").replace("beta = The", "searchers/beta = The")
    path.write_text(text.replace("[public]\n", f"[public]\n{public}"), encoding="utf-8")
    (book.package / "spaces").mkdir()
    (book.package / "spaces" / "domains.py").write_text("LIMIT = 1\ndef _f(): pass\n"
                                                        "def categorical(): pass\n",
                                                        encoding="utf-8")
    return book.package / "searchers"


@pytest.mark.parametrize("source", ["d2l_hpo", "d2l_hpo.spaces", "d2l_hpo.spaces.domains"])
def test_names_are_imported_from_the_module_that_defines_them(small_book: SmallBook,
                                                              source: str) -> None:
    with_folders(small_book, "")
    small_book.section("first", f"from {source} import categorical", "#@save\nX = categorical()")
    assert "from d2l_hpo.spaces.domains import categorical\n" in modules(small_book)["alpha"]


def test_a_module_has_its_folder_and_is_named_without_it(small_book: SmallBook) -> None:
    folder = with_folders(small_book)
    small_book.section("first", CLASS.replace("#@save", "#@save beta"),
                       "#@save\ndef make():\n    return Model()")
    made = extract.Extractor(small_book.config()).run()
    assert "class Model" in made[folder / "beta.py"]
    assert "from d2l_hpo.searchers.beta import Model\n" in made[small_book.package / "alpha.py"]


def test_stubs_list_what_folders_and_the_root_export(small_book: SmallBook) -> None:
    folder = with_folders(small_book)
    small_book.section("second", CLASS)
    made = extract.Extractor(small_book.config()).run()
    line = "import Model as Model\n"
    assert made[folder / "__init__.pyi"].endswith(f"\nfrom .beta {line}")
    root = made[small_book.package / "__init__.pyi"].split("\n", 1)[1]
    assert root == f"__version__: str\nfrom .searchers.beta {line}"
    spaces = made[small_book.package / "spaces" / "__init__.pyi"].split("\n", 1)[1]
    assert spaces == "from .domains import categorical as categorical\n"  # nothing private


def test_a_public_name_that_nothing_defines_is_named(small_book: SmallBook) -> None:
    with_folders(small_book, "Searchers = Model Modle\n")
    small_book.section("second", CLASS)
    with pytest.raises(BookError, match=r"\[public\] lists Modle"):
        modules(small_book)


def test_two_modules_with_the_same_last_name_are_refused(small_book: SmallBook) -> None:
    path = small_book.root / "config.ini"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("beta = The", "searchers/alpha = A.\nbeta = The"),
                    encoding="utf-8")
    with pytest.raises(BookError, match="same last name"):
        small_book.config()


def test_type_names_in_quoted_annotations_are_imported(small_book: SmallBook) -> None:
    small_book.section("first", "import numpy as np\nfrom typing import Literal",
                       "#@save\ndef f(x: 'np.ndarray | None', y: Literal['a b']) -> 'list[int]':\n"
                       "    return x")
    assert "import numpy as np" in modules(small_book)["alpha"]


def test_magics_in_unsaved_cells_are_no_problem(small_book: SmallBook) -> None:
    small_book.section("first", "%matplotlib inline\n!ls\nimport math", "#@save\nX = math.pi")
    assert "import math" in modules(small_book)["alpha"]


METHOD = '''#@save
# Why this method exists.
@d2l.add_to_class(Model)
@property
def text(self):
    """Return a text.

    Its lines keep their places.
    """
    long = """one
  two
"""
    return f"""{long}
three"""  # trailing
    # last words'''
FOLDED = '''class Model:
    """A model."""

    def fit(self):
        return 1

    # Why this method exists.
    @property
    def text(self):
        """Return a text.

        Its lines keep their places.
        """
        long = """one
  two
"""
        return f"""{long}
three"""  # trailing
        # last words'''


def test_methods_are_folded_into_their_class(small_book: SmallBook) -> None:
    small_book.section("first", CLASS, METHOD)
    source = modules(small_book)["alpha"]
    assert body(source) == FOLDED
    namespace: dict = {}
    exec(compile(source, "alpha", "exec"), namespace)
    assert namespace["Model"]().text == "one\n  two\n\nthree"


def test_a_later_section_extends_an_earlier_class(small_book: SmallBook) -> None:
    small_book.section("first", CLASS, "#@save\nAFTER = 1")
    small_book.section("second", "import math",
                       "#@save\n@d2l.add_to_class(Model)\ndef g(self):\n    return math.pi",
                       "#@save\n@d2l.add_to_class(Model)\ndef h(self):\n    return 2")
    made = modules(small_book)
    assert "beta" not in made
    text = body(made["alpha"])
    assert text.startswith("import math") and "#   second.md" in made["alpha"]
    assert text.index("def fit") < text.index("def g") < text.index("def h") < text.index("AFTER")


def test_docstrings_of_inner_functions_are_indented_too(small_book: SmallBook) -> None:
    small_book.section("first", CLASS, "#@save\n# above\n\n# the method\n"
                       "@d2l.add_to_class(Model)\ndef g(self):\n    def h():\n        \"\"\"One.\n"
                       "\n        Two.\n        \"\"\"\n    return h")
    assert body(modules(small_book)["alpha"]).endswith(
        "\n\n    # above\n\n    # the method\n    def g(self):\n        def h():\n"
        "            \"\"\"One.\n\n            Two.\n            \"\"\"\n        return h")


def test_code_and_method_in_one_cell_are_separated(small_book: SmallBook) -> None:
    small_book.section("first", CLASS, "#@save\nA = 1\n\n# the method\n@d2l.add_to_class(Model)\n"
                       "def g(self):\n    return A\n\nB = 2")
    text = body(modules(small_book)["alpha"])
    method = "    # the method\n    def g(self):\n        return A"
    assert text.endswith(f"{method}\n\n\nA = 1\n\n\nB = 2")


@pytest.mark.parametrize("change, part", [
    (lambda book: (book.chapter / "second.md").unlink(), "without a file"),
    (lambda book: (book.chapter / "third.md").write_text("# Third\n", encoding="utf-8"),
     "third.md"),
    (lambda book: (book.root / "config.ini").write_text("[book]\n", encoding="utf-8"),
     "is missing"),
    (lambda book: (book.root / "config.ini").unlink(), "does not exist"),
])
def test_files_and_settings_must_agree(small_book: SmallBook, capsys: pytest.CaptureFixture,
                                       change, part: str) -> None:
    change(small_book)
    assert extract.main([], small_book.root) == 1
    assert part in capsys.readouterr().err


def test_writing_twice_gives_the_same_files(small_book: SmallBook) -> None:
    small_book.section("first", "import math, sys, abc", CLASS, METHOD,
                       "#@save\nX = (math, sys, abc)")
    assert extract.main([], small_book.root) == 0
    first = (small_book.package / "alpha.py").read_bytes()
    assert extract.main([], small_book.root) == 0
    assert (small_book.package / "alpha.py").read_bytes() == first
    assert extract.main(["--check"], small_book.root) == 0


def test_check_names_what_was_edited_by_hand(small_book: SmallBook,
                                             capsys: pytest.CaptureFixture) -> None:
    small_book.section("first", CLASS)
    assert extract.main(["--check"], small_book.root) == 1
    assert extract.main([], small_book.root) == 0
    path = small_book.package / "alpha.py"
    path.write_text(path.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    capsys.readouterr()
    assert extract.main(["--check"], small_book.root) == 1
    assert "alpha.py differs" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8").endswith("# by hand\n")


def test_module_that_nothing_is_saved_to_any_more_is_removed(small_book: SmallBook) -> None:
    small_book.section("first", CLASS)
    extract.main([], small_book.root)
    small_book.section("first", "x = 1")
    assert extract.main(["--check"], small_book.root) == 1
    assert extract.main([], small_book.root) == 0
    assert not (small_book.package / "alpha.py").exists()


def test_cells_may_move_to_a_module_with_another_name(small_book: SmallBook) -> None:
    small_book.section("first", CLASS)
    extract.main([], small_book.root)
    path = small_book.root / "config.ini"
    path.write_text(path.read_text(encoding="utf-8").replace("alpha", "gamma"), encoding="utf-8")
    assert extract.main([], small_book.root) == 0
    assert [file.name for file in small_book.package.glob("*.py")] == ["gamma.py"]


def test_output_passes_ruff(small_book: SmallBook) -> None:
    small_book.section("first", "import torch, math\nfrom d2l import torch as d2l",
                       CLASS.replace("Model:", "Model(d2l.Module):"), METHOD,
                       "#@save\ndef g():\n    return torch, math")
    extract.main([], small_book.root)
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml",
         small_book.package], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


# -- additions to docstrings ----------------------------------------------------------------------

def with_reference(book: SmallBook, text: str) -> SmallBook:
    """Give the book a file with additions to docstrings."""
    (book.root / "reference").mkdir()
    (book.root / "reference" / "models.md").write_text(text, encoding="utf-8")
    return book


def test_a_docstring_is_lengthened(small_book: SmallBook) -> None:
    function = '#@save\ndef f(x):\n    """Return x.\n\n    As it is.\n    """\n    return x'
    small_book.section("first", CLASS, function)
    book = with_reference(small_book, "# Models\n\n## Model\n\nArguments: none.\n\n>>> 1\n1\n\n"
                                      "## f\n\n- `x`: a value\n")
    made = ast.parse(modules(book)["alpha"]).body
    docs = {node.name: ast.get_docstring(node) for node in made if hasattr(node, "name")}
    assert docs == {"Model": "A model.\n\nArguments: none.\n\n>>> 1\n1",
                    "f": "Return x.\n\nAs it is.\n\n- `x`: a value"}


@pytest.mark.parametrize(("cell", "text", "message"), [
    (CLASS, "## Modell\n\nmore\n", "models.md, line 1: no saved cell defines Modell"),
    (CLASS, "## Model\n\na\n\n## Model\n\nb\n", "models.md, line 5: Model has a part already"),
    (CLASS, '## Model\n\n"""\n', "models.md, line 1: the part on Model holds three quotes"),
    (CLASS, "## Model\n\na\\b\n", "models.md, line 1: the part on Model holds three quotes"),
    ("#@save\ndef f():\n    return 1", "\n## f\n\nmore\n", "models.md, line 2: f has no docstring"),
])
def test_mistakes_in_additions_are_named(small_book: SmallBook, cell: str, text: str,
                                         message: str) -> None:
    small_book.section("first", cell)
    with pytest.raises(BookError, match=message):
        modules(with_reference(small_book, text))


@pytest.mark.parametrize(("source", "names"), [
    ("FIELDS = {field.name for field in things}", "FIELDS"),
    ("pairs = [(a, b) for a in x if (last := a) for b in y]", "pairs last"),
    ("def f(a):\n    b = a\n    return [c for c in b]", "f"),
    ("class C:\n    inner = 1\n    def g(self):\n        other = 2", "C"),
    ("async def h():\n    pass", "h"),
    ("k = lambda a: (b := a)", "k"),
    ("m: int\nn: int = 1\no += 1", "n o"),
    ("for i, *rest in x:\n    p = i\nwith y as q:\n    pass", "i rest p q"),
    ("try:\n    r = 1\nexcept E as error:\n    pass", "r error"),
    ("match x:\n    case {1: s, **t} | [s, *t]:\n        pass\n    case u:\n        pass", "s t u"),
    ("import os\nfrom a import b as c\nos.x = c[0] = 1", ""),
])
def test_names_of_a_source_are_the_same_in_every_python(source: str, names: str) -> None:
    assert extract.defined_names(source) == {*names.split()}
