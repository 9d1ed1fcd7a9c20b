"""Syne Tune: its spaces, and its back-end of processes in folders whose names hold spaces."""
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from d2l_hpo.spaces.domains import Categories, Distribution, Hyperparameter, spell
from d2l_hpo.spaces.space import check_space
from d2l_hpo.tools.installation import needs
from d2l_hpo.tools.platform import IS_WINDOWS


def to_syne_tune(space: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a space into Syne Tune's: the same names, with the domains of its `config_space`.

    Syne Tune rounds where `lograndint` takes the floor, so the two ends of that range are rarer
    there. Raises ValueError for a conditional hyperparameter or a domain that Syne Tune lacks, and
    ImportError where it is not installed.

    Arguments:

    - `space`: a configuration space, as in `check_space`.

    For example::

        space = to_syne_tune({"learning_rate": stats.loguniform(1e-4, 1), "epochs": 3})
        space["learning_rate"]  # loguniform(0.0001, 1.0)
        space["epochs"]         # 3
    """
    checked = check_space(space)
    with needs("syne-tune", "to_syne_tune"):
        from syne_tune import config_space
    return {h.name: _to_syne_tune(h, config_space) for h in checked.hyperparameters}


def _to_syne_tune(hyperparameter: Hyperparameter, config_space: Any) -> Any:
    try:
        if hyperparameter.tests:
            raise ValueError("Syne Tune has no conditional hyperparameters; drop when(...)")
        return _domain(hyperparameter.domain, config_space)
    except ValueError as error:
        raise ValueError(f"hyperparameter {hyperparameter.name!r}: {error}") from None


def _domain(domain: Any, config_space: Any) -> Any:
    """Build the same domain from the module `syne_tune.config_space`; a constant is its value."""
    if isinstance(domain, Categories):
        return _choice(domain, config_space)
    if isinstance(domain, Distribution):
        return _distribution(domain, config_space)
    return domain.value


def _choice(domain: Categories, config_space: Any) -> Any:
    if len({type(choice) for choice in domain.choices}) > 1:
        raise ValueError(f"Syne Tune's choices have one type, not {list(domain.choices)}; write "
                         "them as strings")
    return config_space.choice(list(domain.choices))


def _distribution(domain: Distribution, config_space: Any) -> Any:
    name, loc = domain.frozen.dist.name, domain.describe()["parameters"]["loc"]
    makers = {"uniform": config_space.uniform, "randint": config_space.randint}
    if loc == 0:
        makers |= {"loguniform": config_space.loguniform, "reciprocal": config_space.loguniform,
                   "lograndint": config_space.lograndint}
    if name not in makers:
        raise ValueError(f"Syne Tune has no domain like {spell(domain.frozen)}; use uniform, "
                         "loguniform, randint, lograndint or categorical")
    return makers[name](domain.low, domain.high)


def open_python_backend(function: Callable, config_space: dict[str, Any],
                        folder: str | os.PathLike) -> Any:
    """Return Syne Tune's `PythonBackend` of a function of hyperparameters that reports its errors.

    Syne Tune 0.16 splits command lines at spaces. Where Python's path or its own holds one, trials
    are started through a script in `folder`. ImportError without Syne Tune; ValueError if the
    folder's path holds a space, too, and on Windows, which has no such scripts.

    Arguments:

    - `function`: its arguments are the hyperparameters; it calls Syne Tune's `Reporter`. It has to
      import what it needs, since its source is run in another process.
    - `config_space`: Syne Tune's, as `to_syne_tune` returns it.
    - `folder`: where the script is written; it has to exist as long as the search runs.

    For example::

        def train(learning_rate, epochs):
            from syne_tune import Reporter
            report = Reporter()
            for epoch in range(1, epochs + 1):
                report(epoch=epoch, error=learning_rate / epoch)

        backend = open_python_backend(train, to_syne_tune(config_space), folder)
    """
    with needs("syne-tune", "open_python_backend"):
        from syne_tune.backend import PythonBackend
    backend = PythonBackend(function, config_space, rotate_gpus=False)
    if " " in backend.binary + backend.entry_point:
        if IS_WINDOWS:
            raise ValueError(f"Syne Tune cannot start {backend.binary!r} on Windows, since its "
                             "path or Syne Tune's holds a space; install both in another folder")
        script = Path(folder).absolute() / "start_trial.sh"
        if " " in str(script):
            raise ValueError(f"folder is {str(folder)!r}; give one without a space in its path")
        script.write_text(f'exec "{backend.binary}" "{backend.entry_point}" "$@"\n',
                          encoding="utf-8", newline="\n")
        backend.binary, backend.entry_point = "sh", str(script)
    return backend
