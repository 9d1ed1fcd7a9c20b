"""Scripts of version 0.1: what they define and call works on, with a warning that says how now."""
import warnings

import pytest
from scipy import stats

from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    BayesianSearcher,
    HPOSearcher,
    HPOTuner,
    RandomSearcher,
    ScalarizingSearcher,
)
from d2l_hpo.tools.former_calls import TUNER_ATTRIBUTES

SPACE = {"x": stats.uniform(0, 1)}


def learning(searcher):
    """Return what a searcher learns, as calls of its `update` come in."""
    seen = []

    class Learning(searcher):
        def update(self, config, error, epoch=None, info=None):
            seen.append((error, epoch, info))
            super().update(config, error, epoch, info)

    return Learning(SPACE, seed=0), seen


@pytest.mark.parametrize("searcher", [RandomSearcher, BayesianSearcher])
@pytest.mark.parametrize("is_keyword", [False, True])
def test_a_dictionary_in_the_place_of_the_epoch_is_the_former_information(searcher, is_keyword):
    made, seen = learning(searcher)
    config = made.sample_configuration()
    former = {"seconds": 2.0, "epoch": 3}
    with pytest.warns(DeprecationWarning, match=r"is now update\(config, error, epoch=None, info"):
        if is_keyword:
            made.update(config, 0.5, additional_info=former)
        else:
            made.update(config, 0.5, former)
    assert seen == [(0.5, 3, {"seconds": 2.0})] and former == {"seconds": 2.0, "epoch": 3}


def test_what_the_searcher_needs_is_found_there():
    searcher = ScalarizingSearcher(SPACE, objectives=("error", "seconds"), seed=0)
    with pytest.warns(DeprecationWarning):
        searcher.update(searcher.sample_configuration(), 0.5, {"seconds": 2.0})
    assert [list(values) for values in searcher.values.values()] == [[0.5, 2.0]]


def test_a_searcher_that_was_defined_for_it_learns_as_before():
    with pytest.warns(DeprecationWarning, match="Former.update is defined as in version 0.1"):
        class Former(RandomSearcher):
            def update(self, config, error, additional_info=None):
                seen.append((error, additional_info))

    seen = []
    scheduler = ASHAScheduler(Former(SPACE, seed=0), 2, 1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        HPOTuner(scheduler, lambda config, max_epochs: {"error": config["x"], "n": 1}).run(3)
    assert [info["epoch"] for _, info in seen][:2] == [1, 1]
    assert all(info["n"] == 1 for _, info in seen)


@pytest.mark.parametrize("kind", ["keywords", "stars", "as now"])
def test_one_that_is_defined_as_now_is_none_of_them(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)

        class Searcher(HPOSearcher):
            if kind == "keywords":
                def update(self, config, error, **others):
                    seen.append(others)
            elif kind == "stars":
                def update(self, *arguments):
                    seen.append({"epoch": arguments[2], "info": arguments[3]})
            else:
                def update(self, config, error, epoch=None, info=None):
                    seen.append({"epoch": epoch, "info": info})

        seen = []
        searcher = Searcher(SPACE)
        if kind == "keywords":
            searcher.update({"x": 0.1}, 0.5, epoch=2, info={"n": 1})
        else:
            searcher.update({"x": 0.1}, 0.5, 2, {"n": 1})
    assert seen[0]["epoch"] == 2 and seen[0]["info"] == {"n": 1}


def test_attributes_of_a_tuner_say_where_they_are_now(tmp_path):
    search = HPOTuner(BasicScheduler(RandomSearcher(SPACE, seed=0)), lambda config: config["x"],
                      checkpoint_dir=tmp_path)
    search.run(number_of_trials=2)
    with pytest.warns(DeprecationWarning, match="tuner.checkpoint has moved"):
        assert search.checkpoint(1) == tmp_path / "trial_1.pt"
    for name in TUNER_ATTRIBUTES:
        with pytest.warns(DeprecationWarning, match=rf"tuner\.{name} has moved"):
            getattr(search, name)
    with pytest.raises(AttributeError, match="'HPOTuner' object has no attribute 'incumbant'"):
        _ = search.incumbant


def test_other_definitions_are_left_as_they_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)

        class Short(HPOSearcher):
            def update(self, config, error):
                seen.append((config, error))

        class Static(HPOSearcher):
            @staticmethod
            def update(config, error, epoch=None, info=None):
                seen.append((config, error))

        class Class(HPOSearcher):
            @classmethod
            def update(cls, config, error, epoch=None, info=None):
                seen.append((config, error))

        seen = []
        for searcher in (Short, Static, Class):
            searcher(SPACE).update({"x": 0.1}, 0.5)
    assert seen == [({"x": 0.1}, 0.5)] * 3


def test_a_former_definition_may_name_its_arguments_otherwise():
    with pytest.warns(DeprecationWarning):
        class Former(HPOSearcher):
            def update(self, config, loss, numbers=None):
                seen.append((config, loss, numbers))

    seen, searcher = [], Former(SPACE)
    searcher.update({"x": 0.1}, loss=0.5)
    searcher.update({"x": 0.1}, 0.5, 3, {"n": 1})
    assert seen == [({"x": 0.1}, 0.5, None), ({"x": 0.1}, 0.5, {"n": 1, "epoch": 3})]
