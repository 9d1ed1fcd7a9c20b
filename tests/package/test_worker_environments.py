"""Environment variables for each worker."""
import functools
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import worker_environment
from scripted_trials import Listed
from worker_searches import nothing_is_left_behind  # noqa: F401 - an autouse fixture

from d2l_hpo import BasicScheduler, HPOTuner

GPUS = [{"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "5", "HPO_TEST_OTHER": "yes"}]


def search(objective=worker_environment.visible, n=5, **others):
    return HPOTuner(BasicScheduler(Listed(n)), objective, **others)


def test_each_worker_has_its_own_also_when_it_is_replaced(tmp_path, monkeypatch):
    monkeypatch.delenv("HPO_TEST_OTHER", raising=False)
    before = dict(os.environ)
    tuner = search(functools.partial(worker_environment.visible, folder=tmp_path), n_workers=2,
                   worker_env=GPUS)
    tuner.run()
    assert (tuner.records["status"] == "completed").all()
    assert 2 in set(tuner.records["attempt"])
    for row in tuner.rows:
        expected = GPUS[row["worker"]]
        assert row["info"] == {"imported": expected["CUDA_VISIBLE_DEVICES"],
                               "program": expected["CUDA_VISIBLE_DEVICES"],
                               "other": expected.get("HPO_TEST_OTHER")}
    assert {row["worker"] for row in tuner.rows} == {0, 1}
    assert dict(os.environ) == before


def test_one_worker_with_an_environment_is_a_process():
    tuner = search(n=1, worker_env=GPUS[:1])
    tuner.run()
    assert tuner.rows[0]["info"]["imported"] == "3"


@pytest.mark.parametrize("given, error, message", [
    ([{}], ValueError, "expected a list of 2 dictionaries"), ({}, ValueError, "expected a list"),
    ([{}, {"CUDA_VISIBLE_DEVICES": 1}], TypeError, r"worker_env\[1\] is .*of texts"),
    ([{}, "A=1"], TypeError, "worker_env"), ([{}, None], TypeError, "worker_env")])
def test_environments_that_cannot_be(given, error, message):
    with pytest.raises(error, match=message):
        search(n_workers=2, worker_env=given)


def test_an_executor_has_its_own_environment():
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="leave executor out"):
        search(executor=executor, worker_env=[{}])
