"""Models are fitted on one thread, however many the environment allows, and others keep theirs."""
import threading

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import ThreadpoolController

from d2l_hpo import (
    BayesianSearcher, ConstrainedSearcher, CostAwareSearcher, ModelSearcher, TPESearcher,
)
from d2l_hpo.tools import one_thread, single_thread

MORE = 2


def threads():
    """The numbers of threads of all libraries for linear algebra."""
    return {library["num_threads"] for library in
            ThreadpoolController().select(user_api="blas").info()}


@pytest.fixture
def several():
    """An environment in which linear algebra uses several threads."""
    with ThreadpoolController().limit(limits=MORE, user_api="blas"):
        if threads() != {MORE}:
            pytest.skip("linear algebra uses one thread here anyway")
        yield


def test_a_block_uses_one_thread_and_gives_back_what_was_there(several):
    with single_thread():
        assert threads() == {1}
        with single_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {MORE}


def test_a_function_that_fails_gives_back_what_was_there(several):
    @one_thread
    def failing(seen):
        """Fail."""
        seen.update(threads())
        raise ValueError("no")
    seen = set()
    with pytest.raises(ValueError, match="no"):
        failing(seen)
    assert seen == {1} and threads() == {MORE} and failing.__doc__ == "Fail."


def test_blocks_that_overlap_in_two_threads_give_back_what_was_there(several):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with single_thread():
            inside.set()
            assert leave.wait(600)
    thread = threading.Thread(target=other)
    with single_thread():
        thread.start()
        assert inside.wait(600)
        assert threads() == {1}
    assert threads() == {MORE}
    leave.set()
    thread.join()
    assert threads() == {MORE}


@pytest.mark.parametrize("kind", [
    BayesianSearcher, TPESearcher,
    lambda space, **others: ConstrainedSearcher(space, limits={"memory": 1.0}, **others),
    lambda space, **others: CostAwareSearcher(space, cost="memory", **others)])
def test_searchers_with_a_model_propose_on_one_thread(kind, several, monkeypatch):
    searcher, seen = kind({"x": stats.uniform(0, 1)}, initial_points=2), []
    propose = searcher.propose_point
    monkeypatch.setattr(searcher, "propose_point", lambda: seen.append(threads()) or propose())
    for _ in range(4):
        config = searcher.sample_configuration()
        searcher.update(config, config["x"], None, {"memory": 0.5})
    assert seen == [{1}, {1}] and threads() == {MORE}


def test_proposals_are_the_same_as_without(several):
    def proposals():
        searcher = BayesianSearcher({f"x{i}": stats.uniform(0, 1) for i in range(3)}, seed=1)
        rng = np.random.default_rng(0)
        for point in rng.random((30, 3)):
            config = dict(zip(searcher.config_space, point.tolist(), strict=True))
            searcher.update(config, float(point.sum()))
        with ThreadpoolController().limit(limits=1, user_api="blas"):
            return searcher.sample_configuration()
    limited = proposals()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelSearcher, "propose", ModelSearcher.propose.__wrapped__)
        assert proposals() == limited
