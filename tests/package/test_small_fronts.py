"""Searchers for a front propose the same as if all trials were compared, and do not compare all."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from d2l_hpo import NondominatedSortingSearcher, ScalarizingSearcher, pareto_front
from d2l_hpo.measures import best_by_front, order_by_front, pareto, quick_front
from d2l_hpo.searchers import multiobjective

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan, np.inf]) | st.floats(-5, 5)
TABLES = st.integers(1, 3).flatmap(lambda m: hnp.arrays(
    float, st.tuples(st.integers(0, 25), st.just(m)), elements=NUMBERS))


@given(TABLES)
def test_the_quick_front_is_the_front(points):
    assert quick_front(points).tolist() == pareto_front(points).tolist()


@given(TABLES, st.integers(1, 30))
def test_the_best_are_the_first_in_the_order_of_fronts(points, n):
    valid = np.isfinite(points).all(axis=1).sum()
    assert best_by_front(points, n).tolist() == order_by_front(points)[:valid][:n].tolist()


class Straight(NondominatedSortingSearcher):
    """Finds its parents by comparing all trials with each other."""

    def parents(self, values):
        survivors = order_by_front(values)[:np.isfinite(values).all(axis=1).sum()]
        survivors = survivors[:self.population]
        rounds = self.rng.integers(len(survivors), size=(2, 2)).min(axis=1)
        return [survivors[i] for i in rounds]


def searching(searcher, n):
    """The first n proposals, where every seventh trial fails."""
    configs = []
    for i in range(n):
        configs.append(searcher.sample_configuration())
        x, y = configs[-1].values()
        searcher.update(configs[-1], np.nan if i % 7 == 3 else round(x, 1), None,
                        {"t": round((1 - x) ** 2 + y, 1)})
    return configs


@settings(max_examples=5)
@given(seed=st.integers(0, 99))
def test_a_search_is_the_same_as_by_comparing_all(seed):
    space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    first, second = (kind(space, seed=seed, objectives=("error", "t"))
                     for kind in (NondominatedSortingSearcher, Straight))
    assert searching(first, 60) == searching(second, 60)


@pytest.mark.parametrize("kind", [NondominatedSortingSearcher, ScalarizingSearcher])
def test_no_proposal_compares_all_trials_with_each_other(kind, monkeypatch):
    searcher = kind({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)},
                    objectives=("error", "t"))
    sizes, check = [], multiobjective.quick_front

    def watched(points):
        sizes.append(len(points))
        return check(points)
    monkeypatch.setattr(multiobjective, "quick_front", watched)
    monkeypatch.setattr(pareto, "dominance", None)  # the table of all pairs
    searching(searcher, 40)
    assert kind is NondominatedSortingSearcher or max(sizes) == 39
