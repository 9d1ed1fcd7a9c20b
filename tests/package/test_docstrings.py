"""The docstrings of all public names: complete, with examples that do what they say."""
import ast
import doctest
import inspect
import re
import sys

import numpy as np
import pytest
from config import load_config
from matplotlib import pyplot as plt
from scipy import stats

import d2l_hpo

CONFIG = load_config()
PUBLIC = [name for names in CONFIG.public.values() for name in names]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCK = re.compile(r"::\n\n +\S")


def docstring(name):
    """Return an object's own docstring; a constant's is the string that follows it."""
    value = getattr(d2l_hpo, name)
    if callable(value):
        return inspect.cleandoc(value.__doc__ or "")
    for path in CONFIG.package.glob("*/*.py"):
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        for node, after in zip(nodes, nodes[1:], strict=False):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return inspect.cleandoc(ast.literal_eval(after.value))
    return ""


def parameters(value):
    """Name what a function, or a class's constructor, is given by name."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(value).parameters.values() if callable(value) else []
    return [parameter.name for parameter in found if parameter.kind not in kinds]


def namespace(value):
    """Return what an example may use: its module's names, all public ones, np and stats."""
    module = sys.modules[getattr(value, "__module__", "d2l_hpo")]
    return {**vars(module), **{name: getattr(d2l_hpo, name) for name in PUBLIC},
            "np": np, "stats": stats}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_a_docstring_that_names_each_parameter(name):
    text = docstring(name)
    assert text
    missing = [parameter for parameter in parameters(getattr(d2l_hpo, name))
               if f"`{parameter}`" not in text]
    assert not missing


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example(name):
    text = docstring(name)
    assert ">>> " in text or BLOCK.search(text)


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_do_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = getattr(d2l_hpo, name)
    runner, failures = doctest.DocTestRunner(optionflags=FLAGS, verbose=False), []
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = finder.find(value, name, globs=namespace(value)) if callable(value) else [
        doctest.DocTestParser().get_doctest(docstring(name), namespace(value), name, None, 0)]
    for test in tests:
        runner.run(test, out=failures.append)
    plt.close("all")
    assert not failures, "".join(failures)
    assert not list(tmp_path.iterdir())


def test_the_examples_of_a_class_with_methods_are_found():
    finder = doctest.DocTestFinder()
    examples = [test.examples for test in finder.find(d2l_hpo.HPOTuner, "HPOTuner")]
    assert any(examples)
