"""Syne Tune's processes, also where Python's path holds a space."""
import importlib
import sys
from pathlib import Path

import pytest
from scipy import stats
from systems import posix_only

from d2l_hpo import open_python_backend, to_syne_tune

pytestmark = posix_only

syne_tune = pytest.importorskip("syne_tune")
experiments = pytest.importorskip("syne_tune.experiments")
baselines = pytest.importorskip("syne_tune.optimizer.baselines")
SPACE = to_syne_tune({"x": stats.uniform(0, 1)})


def objective(x):
    from syne_tune import Reporter
    Reporter()(error=x)


@pytest.fixture
def python_with_space(tmp_path, monkeypatch):
    """A way to call this Python whose path holds a space."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (folder / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder / "python"


def test_a_python_whose_path_holds_a_space_runs_trials(python_with_space, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    backend = open_python_backend(objective, SPACE, tmp_path)
    assert str(python_with_space) in Path(backend.entry_point).read_text(encoding="utf-8")
    search = baselines.RandomSearch(SPACE, metrics=["error"], points_to_evaluate=[{"x": 0.5}])
    tuner = syne_tune.Tuner(backend, search,
                            syne_tune.StoppingCriterion(max_num_trials_started=0), n_workers=1,
                            sleep_time=0.01, wait_trial_completion_when_stopping=True,
                            save_tuner=False, tuner_name="one", suffix_tuner_name=False)
    tuner.run()
    assert list(experiments.load_experiment("one").results["error"]) == [0.5]


def test_a_folder_with_a_space_is_refused_where_it_matters(python_with_space, tmp_path):
    with pytest.raises(ValueError, match="give one without a space in its path"):
        open_python_backend(objective, SPACE, tmp_path / "another folder")


def test_elsewhere_the_back_end_is_left_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "python_entrypoint.py").touch()
    module = importlib.import_module("syne_tune.backend.python_backend.python_backend")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "python_backend.py"))
    monkeypatch.setattr(sys, "executable", "/python")
    backend = open_python_backend(objective, SPACE, tmp_path / "folder")
    assert backend.binary == "/python"
    assert backend.entry_point == str(tmp_path / "python_entrypoint.py")


def test_on_windows_a_space_is_an_error_that_says_what_to_do(python_with_space, tmp_path,
                                                             monkeypatch):
    monkeypatch.setattr("d2l_hpo.clusters.syne_tune.IS_WINDOWS", True)
    with pytest.raises(ValueError, match="cannot start .*a folder.* install both in another"):
        open_python_backend(objective, SPACE, tmp_path)
