"""Configuration spaces outside the package: descriptions for JSON, and Syne Tune's spaces."""
import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from d2l_hpo.clusters.syne_tune import to_syne_tune
from d2l_hpo.spaces.space import categorical, describe_space, lograndint, sample_configuration, when
from d2l_hpo.tools.installation import install_command

ROOT = Path(__file__).resolve().parents[2]


def at_least(n):
    return lambda config: config["a"] >= n


DIFFERENT_DOMAINS = [
    stats.uniform(0, 1), stats.uniform(0, 2), stats.loguniform(0.1, 1), stats.randint(0, 2),
    stats.randint(0, 3), lograndint(1, 3), stats.truncnorm(-1, 1), stats.truncnorm(-1, 1, loc=1),
    categorical([0, 1]), categorical([1, 0]), categorical([0, True]), categorical(["0", "1"]),
    0, 1, True, 1.0, "1", when(at_least(1), 1), when(at_least(2), 1), when(at_least(True), 1),
    when(at_least(1), 2), when(at_least(1), when(at_least(2), 1)),
    when(at_least(2), when(at_least(1), 1)),
    when(lambda config, n=1: config["a"] >= n, 1), when(lambda config, n=2: config["a"] >= n, 1),
    when(lambda config: config["a"] >= 1, 1), when(lambda config: config["a"] > 1, 1),
    when(lambda config: config["a"] in {1, 2}, 1), when(lambda config: config["a"] in {1, 3}, 1),
    when(lambda config: config.get("a") == 1, 1),
    when(partial(lambda n, config: config["a"] > n, 1), 1),
    when(partial(lambda n, config: config["a"] > n, 2), 1),
    when(lambda config: any(config["a"] > n for n in (1,)), 1),
    when(lambda config: any(config["a"] > n for n in (2,)), 1),
]


def test_different_spaces_have_different_descriptions():
    spaces_ = [{"a": stats.randint(0, 9), "x": domain} for domain in DIFFERENT_DOMAINS]
    spaces_ += [{"x": 1, "a": stats.randint(0, 9)}, {"a": stats.randint(0, 9), "y": 1}]
    texts = [json.dumps(describe_space(space)) for space in spaces_]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("one", "other"), [
    (stats.uniform(0, 1), stats.uniform(loc=0.0, scale=1.0)),
    (stats.uniform(0, 1), stats.uniform()),
    (stats.loguniform(1e-4, 1), stats.loguniform(np.float64(1e-4), b=1.0)),
    (categorical([1, 2]), categorical(np.array([1, 2]))),
    (when(at_least(2), 1), when(at_least(2), 1)),
])
def test_equal_domains_have_equal_descriptions(one, other):
    space = {"a": stats.randint(0, 9)}
    assert describe_space(space | {"x": one}) == describe_space(space | {"x": other})


def test_descriptions_do_not_depend_on_the_hash_seed():
    code = ("from d2l_hpo.spaces.space import describe_space, when\n"
            "words = frozenset({'x', 'y', 'z'})\n"
            "def test(): return lambda c, w=words: c['a'] in {'p', 'q', 'r', 's'} or c['a'] in w\n"
            "print(describe_space({'a': 'p', 'b': when(test(), 1)}))")
    outputs = {_run(code, seed) for seed in ("1", "2", "3")}
    assert len(outputs) == 1
    assert "tests" in outputs.pop()


def _run(code, hash_seed):
    command = [sys.executable, "-c", code]
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True,
                          check=True).stdout


def test_a_test_that_cannot_be_described_is_an_error():
    class Threshold:
        def __call__(self, config):
            return config["a"] > 1

    space = {"a": stats.randint(0, 9), "x": when(Threshold(), 1)}
    assert sample_configuration(space, np.random.default_rng(0))
    with pytest.raises(TypeError, match="'x': its test:.*plain function"):
        describe_space(space)


# -- Syne Tune ------------------------------------------------------------------------------------

def test_syne_tune_gets_the_same_domains():
    config_space = pytest.importorskip("syne_tune.config_space")
    space = {"rate": stats.loguniform(1e-4, 1), "momentum": stats.uniform(0.1, 0.8),
             "layers": stats.randint(1, 4), "units": lograndint(8, 64),
             "kind": categorical(["a", "b"]), "width": 2}
    assert to_syne_tune(space) == {
        "rate": config_space.loguniform(1e-4, 1.0), "momentum": config_space.uniform(0.1, 0.9),
        "layers": config_space.randint(1, 3), "units": config_space.lograndint(8, 64),
        "kind": config_space.choice(["a", "b"]), "width": 2}


@pytest.mark.parametrize(("domain", "message"), [
    (stats.beta(2, 3), r"'x': Syne Tune has no domain like beta\(2, 3\)"),
    (when(lambda config: True, 1), "'x': Syne Tune has no conditional"),
    (categorical([1, "a"]), r"'x': Syne Tune's choices have one type, not \[1, 'a'\]"),
])
def test_what_syne_tune_lacks_is_an_error(domain, message):
    pytest.importorskip("syne_tune.config_space")
    with pytest.raises(ValueError, match=message):
        to_syne_tune({"x": domain})


def test_without_syne_tune_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "syne_tune", None)
    with pytest.raises(ImportError, match=re.escape(install_command("syne-tune"))):
        to_syne_tune({"x": 1})
