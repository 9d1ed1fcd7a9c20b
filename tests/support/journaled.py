"""Tuners with a journal, for the tests of journals."""
import json
import os
from pathlib import Path

import faulty_objectives as faulty
from scripted_trials import Listed

from d2l_hpo import BasicScheduler, HPOTuner

ROOT = Path(__file__).resolve().parents[2]
PATHS = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support"))),
         "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
"""The environment of programs that use the package and the tests' modules."""


def tuner(journal, objective=faulty.identity, n=6, **others):
    """A tuner of x = 0, 1, ..., n - 1 with a journal."""
    return HPOTuner(BasicScheduler(Listed(n)), objective, journal=journal, **others)


def events(journal):
    """The events of a journal."""
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
