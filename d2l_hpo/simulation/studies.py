"""What the book's long experiments found: recorded by the commands of the folder `studies/`."""
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

STUDIES = Path(__file__).parents[1] / "data" / "studies"


def read_study(name: str) -> Any:
    """Return what `studies/NAME.py` recorded: a dict of arrays, or a table of trainings.

    Floats have 64 bits, however they are stored. ValueError if there is no such study.
    The studies are part of the book, not of an installed package: FileNotFoundError there.

    Arguments:

    - `name`: the study's, such as "bayesian"; the error lists all. What its entries are, the
      section says that loads it.

    >>> study = read_study("workers")
    >>> sorted(study)
    ['busy', 'methods', 'regret', 'tasks', 'trainings', 'workers']
    """
    if not STUDIES.is_dir():
        raise FileNotFoundError(
            f"the recorded studies are part of the book's repository, and {STUDIES} does not "
            "exist; in a clone of the repository, run: python -m pip install --editable .")
    path = next(iter(sorted(STUDIES.glob(f"{name}.*"))), None)
    if path is None:
        known = sorted(path.stem for path in STUDIES.iterdir())
        raise ValueError(f"there is no study {name!r}; there are {', '.join(known)}")
    if path.suffix == ".json":
        return pd.read_json(path, encoding="utf-8-sig")
    with np.load(path, allow_pickle=False) as file:
        return {key: value.astype(float) if value.dtype.kind == "f" else value
                for key, value in file.items()}
