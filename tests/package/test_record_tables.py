"""The table of records has the same types whatever is in it, of a tuner and of a simulation."""
import math
import os

import numpy as np
import pandas as pd
import pytest
from scripted_curves import Curves, Scripted, lasting, trial
from scripted_trials import Listed

from d2l_hpo import (
    BasicScheduler, HPOTuner, feasible, feasible_errors, incumbent_errors, plot_hyperparameter,
    plot_timeline, simulate,
)
from d2l_hpo.measures.records import Job, job_table

TYPES = {"trial_id": "int64", "config": object, "epoch": "int64", "max_epochs": "int64",
         "error": "float64", "status": object, "attempt": "int64", "worker": "int64",
         "start": "float64", "end": "float64", "info": object, "traceback": object}


class Sized:
    """Has a length, as a tensor or a table has."""

    def __len__(self):
        return 3


def job(number=0, max_epochs=3, **others):
    values = {"error": 0.5, "status": "completed", "info": {}, "traceback": None, **others}
    return Job(number, {"x": number}, 0, max_epochs, values["error"], values["status"], 1, 0, 0.0,
               1.0, values["info"], values["traceback"])


@pytest.mark.parametrize("jobs", [
    [], [job()], [job(), job(1)], [job(traceback="caf\udce9"), job(1, traceback="ok")],
    [job(error=math.nan)], [job(info={"a": Sized()}), job(1, info={"a": np.zeros(3)})],
    [job(info={"b": pd.DataFrame({"c": [1, 2]})})],
], ids=["none", "one", "two", "no UTF-8", "only nan", "sized", "table"])
def test_types_do_not_depend_on_values(jobs):
    table = job_table(jobs)
    assert table.dtypes.to_dict() == {name: np.dtype(kind) for name, kind in TYPES.items()}
    assert list(table["info"]) == [each.info for each in jobs]
    assert list(table["traceback"]) == [each.traceback for each in jobs]


@pytest.mark.parametrize("epochs", [[None], [None, None], [3, None]])
def test_an_integer_stays_one_beside_none(epochs):
    table = job_table([job(i, number) for i, number in enumerate(epochs)])
    assert list(table["max_epochs"]) == epochs
    assert list(map(type, table["max_epochs"])) == list(map(type, epochs))


@pytest.mark.parametrize(("option", "value"), [
    ("mode.string_storage", "python"), ("display.precision", 1), ("display.max_columns", 1)])
def test_options_of_pandas_change_nothing(option, value):
    jobs = [job(), job(1, traceback="caf\udce9", status="failed")]
    with pd.option_context(option, value):
        assert job_table(jobs).equals(job_table(jobs[:1] + jobs[1:]))
        assert job_table(jobs).dtypes.to_dict() == job_table([]).dtypes.to_dict()


def test_a_simulation_has_the_tuners_table():
    simulated = simulate(BasicScheduler(Listed(3)), lasting(1.0, 2.0, 3.0))
    search = HPOTuner(BasicScheduler(Listed(3)), lambda config: config["x"])
    search.run()
    assert simulated.dtypes.to_dict() == search.records.dtypes.to_dict()
    assert list(simulated) == list(search.records) == list(TYPES)
    failing = Curves(([math.nan], [1.0]))
    table = simulate(Scripted(trial(0, 1)), failing)
    assert table.dtypes.to_dict() == {name: np.dtype(kind) for name, kind in TYPES.items()}


def test_a_file_name_that_is_no_text_can_be_read_in_the_records(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.txt"), "w", encoding="utf-8"):
        pass

    def objective(config):
        if config["x"] == 1:
            raise ValueError(f"no image in {os.listdir(tmp_path)[0]}")
        return config["x"]
    search = HPOTuner(BasicScheduler(Listed(3)), objective)
    search.run()
    assert list(search.records["status"]) == ["completed", "failed", "completed"]
    assert "caf" in search.records["traceback"][1]


def test_an_empty_table_and_one_of_failures_can_be_measured_and_drawn():
    empty, failed = job_table([]), job_table([job(max_epochs=None, error=math.nan)])
    for table in (empty, failed):
        assert np.isnan(incumbent_errors(table, [0.0, 5.0])).all()
        assert not feasible(table, {"memory": 1.0}).any()
        assert not np.isfinite(feasible_errors(table, {"memory": 1.0})).any()
    plot_timeline(failed, color_by="max_epochs")
    plot_hyperparameter(failed, "x")
