"""The benchmark of searches of scikit-learn: equal budgets, and a table with a row a method."""
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from benchmarks import search_cv


def test_all_searches_have_the_same_budget(monkeypatch):
    X, y = load_iris(return_X_y=True)
    X, y = X[::2][:72], y[::2][:72]
    sizes, used = [], {}

    class Counting(SVC):
        def fit(self, X, y):
            sizes.append(len(X))
            return super().fit(X, y)
    monkeypatch.setattr(search_cv, "SPACE", {"C": search_cv.SPACE["svm__C"]})
    for name, make in search_cv.METHODS.items():
        search = make(Counting(), 9, len(X), 0)
        sizes.clear()
        search.set_params(refit=False).fit(X, y)
        used[name] = sum(sizes)
    whole = 9 * search_cv.FOLDS * len(X) * 2 / 3
    assert {name: round(examples / whole, 1) for name, examples in used.items()} == dict.fromkeys(
        search_cv.METHODS, 1.0)


def test_the_table_has_a_row_for_each_search(capsys):
    search_cv.main(["--budget", "2", "--seeds", "2", "--data", "iris"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| search | mean rank") and lines[2].endswith("| iris |")
    assert len(lines) == 4 + len(search_cv.METHODS)
    assert all(line.count("|") == 5 for line in lines[2:])


def test_ranks_are_those_of_the_errors():
    errors = np.tile(np.arange(len(search_cv.METHODS), dtype=float)[None, :, None], (2, 1, 3))
    rows = search_cv.table(errors, errors, ["a", "b"])[2:]
    assert [row.split(" | ")[1] for row in rows] == [
        f"{rank:.2f} ({rank:.2f} to {rank:.2f})" for rank in range(1, len(rows) + 1)]


def test_an_interval_needs_two_seeds(capsys):
    with pytest.raises(SystemExit):
        search_cv.main(["--seeds", "1"])
    assert "--seeds is 1" in capsys.readouterr().err
