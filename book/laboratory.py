"""The laboratory of the pages: what each explorable needs, its data, and its still images.

    python book/laboratory.py             write img/lab/*.svg, the still images
    python book/laboratory.py --check     exit 1 and name the images that differ

The data come from the package's recordings when pages are built. The still images are what the
modules themselves draw, in node, with the settings that a page opens with.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from config import ROOT
from files import read_source, update

from d2l_hpo import LeNetBenchmark, MLPBenchmark, RecordedSearcher, read_study
from d2l_hpo.spaces import configurations_from_unit_cube
from d2l_hpo.spaces.domains import Categories

SCRIPTS = Path(__file__).parent / "_static" / "lab"
STILLS = ROOT / "img" / "lab"
STILL_WIDTH = 520
MODES = {"light": "", "dark": "-dark"}  # ends of the still images' names
EXAMPLES = 2000  # of LeNet's validation set, so that errors are whole numbers of them
FAILED = 65535
ORDERS = 20  # of the recorded configurations
DUEL_TRIALS = 10


@dataclass(frozen=True)
class Needs:
    """The scripts of an explorable beside its own, in their order, and the names of its data."""

    methods: tuple[str, ...]
    data: tuple[str, ...] = ()

    def scripts(self, name: str) -> list[str]:
        """Return the scripts that a page loads, in order, as paths below the folder lab."""
        return ["core.js", *(f"data/{data}.js" for data in self.data),
                *(f"methods/{method}.js" for method in self.methods), f"explorables/{name}.js"]


EXPLORABLES = {
    "halving": Needs(("curves", "schedulers", "cluster"), ("lenet",)),
    "asha": Needs(("curves", "schedulers", "cluster"), ("lenet",)),
    "process": Needs(("normal", "process"), ("perceptron",)),
    "designs": Needs(("designs",)),
    "winner": Needs(("curves", "noise"), ("lenet",)),
    "duel": Needs(("normal", "surrogate"), ("lenetModel",)),
}


# -- Data -----------------------------------------------------------------------------------------

def packed(values: Any, kind: str) -> str:
    """Return numbers as base64, little-endian."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()).decode()


def counted(errors: np.ndarray) -> str:
    """Return errors as counts of wrong examples; ValueError where they are none."""
    counts = errors * EXAMPLES
    if not np.allclose(counts, np.round(counts), equal_nan=True):
        raise ValueError(f"errors are no multiples of 1/{EXAMPLES}; another recording?")
    return packed(np.where(np.isfinite(counts), np.round(counts), FAILED), "u2")


def recorded_curves() -> dict[str, Any]:
    """Return LeNet's recorded curves, and orders in which a random search takes them."""
    benchmark = LeNetBenchmark()
    configs = benchmark.configs
    errors, seconds = (np.array(part) for part in zip(*map(benchmark.curve, configs), strict=True))
    rows = {repr(config): row for row, config in enumerate(configs)}
    orders = [[rows[repr(config)] for config in reversed(RecordedSearcher(benchmark, seed=i).left)]
              for i in range(1, ORDERS + 1)]
    return {"epochs": benchmark.max_epochs, "examples": EXAMPLES, "errors": counted(errors),
            "seconds": packed(seconds, "f4"), "orderCount": ORDERS, "orders": packed(orders, "u1")}


def perceptron_errors() -> dict[str, Any]:
    """Return the perceptron's predicted errors along the axis of its learning rate."""
    benchmark = MLPBenchmark(measured=False)
    winner = benchmark.configs[int(np.nanargmin(benchmark.table("error")[:, -1]))]
    axis = {"learning_rate": benchmark.config_space["learning_rate"]}
    rates = configurations_from_unit_cube(axis, np.linspace(0, 1, 201)[:, np.newaxis])
    curves = benchmark.curves([{**winner, **rate} for rate in rates])
    return {"errors": [float(errors[-1]) for errors, _ in curves]}


def scale_of(name: str, domain: Any) -> dict[str, Any]:
    """Return how a hyperparameter becomes columns of the surrogate."""
    if isinstance(domain, Categories):
        return {"name": name, "kind": "choice", "choices": list(domain.choices)}
    logarithmic = domain.frozen.dist.name.startswith("log")
    return {"name": name, "kind": "log" if logarithmic else "linear", "low": float(domain.low),
            "high": float(domain.high), "integer": domain.is_integer}


def lenet_model() -> dict[str, Any]:
    """Return LeNet's surrogate after the last epoch, and what recorded searches found on it."""
    surrogate = LeNetBenchmark(measured=False).surrogate
    model, study = surrogate.error_model, read_study("bayesian")
    matern = model.kernel_.k1.k2
    searches = {key: packed(study[f"methods/lenet/{searcher}"][:, :DUEL_TRIALS], "f4")
                for key, searcher in (("random", "RandomSearcher"),
                                      ("bayesian", "BayesianSearcher"))}
    return {"space": [scale_of(item.name, item.domain) for item in surrogate.space.varying],
            "points": packed(model.X_train_, "f8"), "alpha": packed(model.alpha_[:, -1], "f8"),
            "lengths": matern.length_scale.tolist(),
            "variance": float(model.kernel_.k1.k1.constant_value),
            "center": float(model._y_train_mean[-1]), "spread": float(model._y_train_std[-1]),
            "errors": counted(surrogate.sorted_errors[:, -1]), "examples": EXAMPLES,
            "best": float(study["best/lenet"]), **searches}


DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "lenet": recorded_curves, "perceptron": perceptron_errors, "lenetModel": lenet_model}


@cache
def data_script(name: str) -> str:
    """Return the script that gives a page its data; core.js runs before it."""
    return f"lab.data.{name} = {json.dumps(DATA[name](), allow_nan=False)};\n"


# -- Still images ---------------------------------------------------------------------------------

DRAW = """
const name = {name};
const spec = lab.explorables[name];
const settings = lab.frame.defaults(spec.controls(lab.data));
const picture = spec.draw(spec.compute(settings, lab.data), settings, {width});
process.stdout.write(JSON.stringify(lab.MODES.map(mode => lab.svgText(picture, mode))));
"""


def run_node(name: str, program: str, folder: Path = SCRIPTS) -> str:
    """Run a program after the scripts of an explorable, in node; return what it writes."""
    sources = [data_script(Path(script).stem) if script.startswith("data/")
               else read_source(folder / script)
               for script in [*EXPLORABLES[name].scripts(name), "frame.js"]]
    done = subprocess.run(["node", "-"], input="\n".join([*sources, program]), text=True,
                          capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"explorable {name}: {done.stderr}")
    return done.stdout


def wanted_stills() -> dict[Path, str]:
    """Return path -> text of all still images."""
    wanted = {}
    for name in EXPLORABLES:
        texts = json.loads(run_node(name, DRAW.format(name=json.dumps(name), width=STILL_WIDTH)))
        wanted |= {STILLS / f"{name}{end}.svg": text
                   for end, text in zip(MODES.values(), texts, strict=True)}
    return wanted


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    check = parser.parse_args(arguments).check
    if shutil.which("node") is None:
        print("laboratory: node is not installed, so the still images stay as they are")
        return 0
    return update(ROOT, wanted_stills(), STILLS.glob("*.svg"), check, "drawings")


if __name__ == "__main__":
    sys.exit(main())
