"""The benchmark of searches of scikit-learn: equal time or fits, a table with a row a method."""
import time

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from benchmarks import search_cv


def test_all_searches_have_the_same_budget_of_fits(monkeypatch):
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


@pytest.mark.parametrize(("equal", "head"), [("fits", "seconds"), ("time", "of the time")])
def test_the_table_has_a_row_for_each_search(equal, head, capsys):
    search_cv.main(["--equal", equal, "--budget", "3", "--seeds", "2", "--data", "iris"])
    lines = capsys.readouterr().out.splitlines()
    assert f"equal {equal}" in lines[0]
    assert lines[2] == f"| search | mean rank (95 %) | {head} | candidates | iris |"
    assert len(lines) == 4 + len(search_cv.METHODS)
    assert all(line.count("|") == 6 for line in lines[2:])
    assert all(int(line.split(" | ")[3]) >= 3 for line in lines[4:] if equal == "fits")


class Clock:
    """A clock on which each fit takes a second."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


@pytest.mark.parametrize("method", [name for name in search_cv.METHODS
                                    if name not in search_cv.HALVING])
def test_a_search_begins_candidates_until_its_time_is_over(method, monkeypatch):
    clock = Clock(monkeypatch)

    class Timed(SVC):
        def fit(self, X, y):
            clock.now += 1
            return super().fit(X, y)
    monkeypatch.setattr(search_cv, "SVC", Timed)
    task = search_cv.Task("iris", 0)
    search = search_cv.in_time(method, task, 3, seconds=8.5)
    _, seconds, candidates = task.measure(search)
    assert candidates == 3 and seconds == 3 * search_cv.FOLDS + 1  # and the refit


@pytest.mark.parametrize("method", sorted(search_cv.HALVING))
def test_a_halving_search_begins_as_many_as_the_time_has_room_for(method, monkeypatch):
    clock = Clock(monkeypatch)

    class Timed(SVC):
        def fit(self, X, y):
            clock.now += len(X)
            return super().fit(X, y)
    monkeypatch.setattr(search_cv, "SVC", Timed)
    task = search_cv.Task("iris", 0)
    _, seconds, candidates = task.measure(task.search(search_cv.METHODS[method], 9))
    search = search_cv.in_time(method, task, 9, seconds=2 * seconds)
    _, twice, more = task.measure(search)
    assert twice == pytest.approx(2 * seconds, rel=0.1) and more == pytest.approx(2 * candidates,
                                                                                rel=0.1)


def test_ranks_are_those_of_the_errors():
    errors = np.tile(np.arange(len(search_cv.METHODS), dtype=float)[None, :, None], (2, 1, 3))
    found = np.stack([errors, np.full_like(errors, 0.5), np.full_like(errors, 7)], axis=-1)
    rows = search_cv.table(found, ["a", "b"], True)[2:]
    assert [row.split(" | ")[1:4] for row in rows] == [
        [f"{rank:.2f} ({rank:.2f} to {rank:.2f})", "0.50", "7"] for rank in range(1, len(rows) + 1)]


def test_an_interval_needs_two_seeds(capsys):
    with pytest.raises(SystemExit):
        search_cv.main(["--seeds", "1"])
    assert "--seeds is 1" in capsys.readouterr().err
