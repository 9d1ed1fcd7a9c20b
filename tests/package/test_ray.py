"""Objectives on Ray Tune, on a local cluster of two CPUs that leaves nothing behind."""
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest

from d2l_hpo import local_ray, ray_trainable
from d2l_hpo.tools.installation import install_command


ROOT = Path(__file__).resolve().parents[2]


def objective(config, max_epochs=1, checkpoint=None, seed=0):
    """Add the rate in each epoch, to what the checkpoint holds; rates from 1 on fail."""
    path = Path(checkpoint)
    state = {"epoch": 0, "sum": float(seed)}
    if path.exists():
        state = json.loads(path.read_text(encoding="utf-8"))
    if state["epoch"] != max_epochs - 1:
        raise ValueError(f"the checkpoint is at epoch {state['epoch']}, not {max_epochs - 1}")
    state = {"epoch": max_epochs, "sum": state["sum"] + config["rate"]}
    path.write_text(json.dumps(state), encoding="utf-8")
    if config["rate"] > 1:
        raise ArithmeticError("diverged")
    error = math.inf if config["rate"] == 1 else state["sum"]
    return {"error": error, "pid": os.getpid(), "names": sorted(config)}


@pytest.mark.parametrize("thing", [None, "objective", 3])
def test_an_objective_is_a_function(thing):
    with pytest.raises(TypeError, match="objective is .*, expected a function"):
        ray_trainable(thing, 3)


@pytest.mark.parametrize("max_epochs", [0, 2.5, None])
def test_max_epochs_is_a_positive_integer(max_epochs):
    with pytest.raises(ValueError, match=f"max_epochs is {max_epochs}"):
        ray_trainable(objective, max_epochs)


@pytest.mark.parametrize("n_workers", [0, 1.5, "2"])
def test_the_number_of_workers_is_a_positive_integer(n_workers):
    with pytest.raises(ValueError, match="n_workers is"), local_ray(n_workers):
        pass


@pytest.mark.parametrize("missing", ["ray", "psutil", "ray.tune"])
def test_without_ray_the_error_says_what_to_install(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=re.escape(install_command("ray"))), local_ray():
        pass


def processes():
    return set(psutil.Process().children(recursive=True))


@pytest.fixture(scope="module")
def folder():
    """A folder for results on a running Ray; at the end, nothing may be left of it."""
    ray, tune = pytest.importorskip("ray"), pytest.importorskip("ray.tune")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # its workers cannot import it
    before = processes()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    leftovers = [Path.home() / name for name in (".ray", "ray_results")]
    leftovers = [path for path in leftovers if not path.exists()]
    locks = Path(tempfile.gettempdir(), "_ray_lockfiles")
    locked = {*locks.glob("*")}
    with local_ray(2) as results:
        assert processes() > before
        assert tune is sys.modules["ray.tune"]
        assert ray.cluster_resources()["CPU"] == 2
        yield results
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert processes() == before
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert not results.parent.exists()
    assert results.parent.parent == Path(tempfile.gettempdir())
    assert [path for path in leftovers if path.exists()] == []
    assert {*locks.glob("*")} == locked and "RAY_TMPDIR" not in os.environ
    assert not ray.is_initialized()


def run(folder, rates, scheduler, max_epochs):
    """Run trials with these rates and the seeds 0, 1, ...; return the results in their order."""
    from ray import tune
    points = [{"rate": rate, "seed": number} for number, rate in enumerate(rates)]
    searcher = tune.search.basic_variant.BasicVariantGenerator(points_to_evaluate=points)
    tuner = tune.Tuner(
        ray_trainable(objective, max_epochs),
        param_space={"rate": tune.uniform(0, 2), "seed": tune.randint(0, 9)},
        tune_config=tune.TuneConfig(metric="error", mode="min", num_samples=len(rates),
                                    search_alg=searcher, scheduler=scheduler, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0))
    return list(tuner.fit())


def test_asha_stops_trials_and_a_trial_without_an_error_stops_alone(folder):
    from ray import tune
    asha = tune.schedulers.ASHAScheduler("epoch", max_t=4, grace_period=1, reduction_factor=2)
    results = run(folder, [0.1, 1.5, 0.2, 0.3, 1.0], asha, 4)
    assert [result.error is not None for result in results] == [False, True, False, False, True]
    assert "diverged" in str(results[1].error)
    assert "the error after epoch 1 is inf" in str(results[4].error)
    assert results[0].metrics["names"] == ["rate"]
    lengths = []
    for number in (0, 2, 3):
        table = results[number].metrics_dataframe
        lengths.append(len(table))
        rate = results[number].config["rate"]
        assert table["epoch"].tolist() == [*range(1, len(table) + 1)]
        assert table["error"].tolist() == pytest.approx(number + rate * table["epoch"])
    assert lengths[0] == 4 and min(lengths) == 1  # trial 0 is the best at every epoch
    assert set(results[0].metrics_dataframe["pid"]) != {os.getpid()}


def test_a_ray_that_is_running_is_left_alone(folder):
    with pytest.raises(RuntimeError, match="already; call ray.shutdown"), local_ray(1):
        pytest.fail("a second Ray was started")
    assert sys.modules["ray"].is_initialized()


def test_population_based_training_copies_checkpoints(folder):
    from ray import tune
    random.seed(0)
    np.random.seed(0)
    population = tune.schedulers.PopulationBasedTraining(
        "epoch", perturbation_interval=2, synch=True, quantile_fraction=0.5,
        hyperparam_mutations={"rate": tune.uniform(0, 0.2)})
    good, bad = run(folder, [0.1, 0.9], population, 3)
    assert good.error is None and bad.error is None
    assert good.metrics["epoch"] == bad.metrics["epoch"] == 3
    assert good.metrics["error"] == pytest.approx(0.3)
    rate = bad.config["rate"]
    assert rate != 0.9
    assert bad.metrics["error"] == pytest.approx(0.2 + rate)  # two epochs are the good one's


SCRIPT = """
import os, sys
from pathlib import Path
from d2l_hpo import local_ray
with local_ray(1):
    if "GO_ON" in os.environ:
        Path(os.environ["GO_ON"]).touch()
    import ray
    @ray.remote(runtime_env={"env_vars": {"GREETING": "hello"}})
    def greet():
        return os.environ["GREETING"], sys.executable
    print(*ray.get(greet.remote(), timeout=900), sep="\\n")
"""


def test_a_python_whose_path_holds_a_space_runs_trials(tmp_path):
    pytest.importorskip("ray.tune")
    environment = tmp_path / "a folder"
    environment.symlink_to(sys.prefix, target_is_directory=True)
    python = environment / Path(sys.executable).relative_to(sys.prefix)
    done = subprocess.run([python, "-c", SCRIPT], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.splitlines()[-2:] == ["hello", str(python)], done.stderr


HESITATING = """
import os, sys, time
if any("agent" in argument for argument in sys.orig_argv[1:3]):  # one of Ray's agents
    parent = os.getppid()
    while not os.path.exists(os.environ["GO_ON"]) and os.getppid() == parent:
        time.sleep(0.05)
"""


def test_ray_starts_although_its_agents_have_not(tmp_path):
    pytest.importorskip("ray.tune")
    (tmp_path / "sitecustomize.py").write_text(HESITATING, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                          check=False, env={**os.environ, "GO_ON": str(tmp_path / "go_on"),
                                            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    assert done.stdout.splitlines()[-2:] == ["hello", sys.executable], done.stderr
