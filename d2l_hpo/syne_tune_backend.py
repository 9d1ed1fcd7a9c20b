"""Syne Tune's back-end of processes, made to work in folders whose names hold spaces."""
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def open_python_backend(function: Callable, config_space: dict[str, Any],
                        folder: str | os.PathLike) -> Any:
    """Return Syne Tune's `PythonBackend` of a function of hyperparameters that reports its errors.

    Syne Tune 0.16 splits command lines at spaces. Where Python's path or its own holds one, trials
    are started through a script in `folder` (on Linux and macOS). ImportError without Syne Tune;
    ValueError if the folder's path holds a space, too.
    """
    try:
        from syne_tune.backend import PythonBackend
    except ImportError as error:
        raise ImportError("open_python_backend needs Syne Tune; run: python -m pip install "
                          "syne-tune==0.16.0") from error
    backend = PythonBackend(function, config_space, rotate_gpus=False)
    if " " in backend.binary + backend.entry_point:
        script = Path(folder).absolute() / "start_trial.sh"
        if " " in str(script):
            raise ValueError(f"folder is {str(folder)!r}; give one without a space in its path")
        script.write_text(f'exec "{backend.binary}" "{backend.entry_point}" "$@"\n')
        backend.binary, backend.entry_point = "sh", str(script)
    return backend
