"""Fixtures: a small book in a temporary folder, on which the book's own tools run; Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from config import BookConfig, load_config
from core_tests import needs_extras
from hypothesis import HealthCheck, settings

HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
CONFIG = """\
[book]
title = A Book
authors = Some Authors
repository =
extras = torch, plots

[sections]
first = alpha
second = beta
references =

[extras]
second = dask, ray

[guide]

[modules]
alpha = The first module.
beta = The second module.

[public]
"""


class SmallBook:
    """A book with the sections `first` and `second`, which tests fill with cells and text."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.package = root / "d2l_hpo"
        self.chapter = root / "chapter_hyperparameter_optimization"
        self.package.mkdir()
        self.chapter.mkdir()
        (root / "config.ini").write_text(CONFIG, encoding="utf-8")
        (root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
        (root / "requirements.txt").write_text("numpy==1.0\n", encoding="utf-8")
        (root / "lib.bib").write_text("", encoding="utf-8")
        (self.chapter / "references.md").write_text("# References\n", encoding="utf-8")
        self.section("first")
        self.section("second")

    def section(self, name: str, *cells: str, text: str = "", options: str = "") -> None:
        """Write the section `name`: a title, `text` and the code `cells`."""
        code = [f"```{{code-cell}} ipython3\n{options}{cell}\n```" for cell in cells]
        title = f"# The {name} section"
        path = self.chapter / f"{name}.md"
        path.write_text(HEADER + "\n\n".join(["", title, *filter(None, [text]), *code]) + "\n",
                        encoding="utf-8")

    def config(self) -> BookConfig:
        """Return the settings as the tools read them."""
        return load_config(self.root)


# Examples may take any time: how long they do is the machine's business.
settings.register_profile("any machine", deadline=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for an environment without extras."""
    parser.addoption("--core", action="store_true",
                     help="leave out the files of tests that import an extra of the package")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --core leave out what needs an extra."""
    is_file = collection_path.suffix == ".py" and collection_path.is_file()
    left_out = is_file and config.getoption("--core") and needs_extras(collection_path)
    return True if left_out else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """With --core skip a test that comes to a name which needs an extra, and say which."""
    try:
        return (yield)
    except ImportError as error:
        if item.config.getoption("--core") and "; run: python -m pip install " in str(error):
            pytest.skip(str(error))
        raise


def pytest_configure(config: pytest.Config) -> None:
    """Listen to Ctrl-C, which the tests press; programs started in the background ignore it.

    Know the marks of scikit-learn's tests, some of which run here, too.
    """
    config.addinivalue_line("markers", "thread_unsafe: scikit-learn's mark of some tests")
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def small_book(tmp_path: Path) -> SmallBook:
    """Return a new small book."""
    root = tmp_path / "a book"  # a space in the path is part of every test
    root.mkdir()
    return SmallBook(root)


@pytest.fixture(autouse=True, scope="module")
def joblib_workers_end() -> Iterator[None]:
    """Let joblib's worker processes, which wait for the next fit, end with the file of tests."""
    yield
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals.loky import get_reusable_executor
        get_reusable_executor().shutdown(wait=True)
