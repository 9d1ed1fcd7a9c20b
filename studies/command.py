"""What the commands of this folder share: readers of arguments, and searches in processes."""
import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from tqdm import tqdm

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def at_least(minimum: int) -> Callable[[str], int]:
    """Return a reader of integers that are not smaller."""
    def read(text: str) -> int:
        if int(text) < minimum:
            raise argparse.ArgumentTypeError(f"{text} is too small, expected at least {minimum}")
        return int(text)
    return read


def names_of(known: Mapping[str, Any]) -> Callable[[str], list[str]]:
    """Return a reader of names, separated by commas."""
    def read(text: str) -> list[str]:
        names = list(dict.fromkeys(text.split(",")))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is unknown, choose from "
                                                 f"{', '.join(known)}")
        return names
    return read


def one_thread() -> None:
    """Let processes that are spawned from now on compute with one thread each."""
    os.environ.update(dict.fromkeys(THREADS, "1"))


def run_all(function: Callable[..., Any], jobs: Sequence[tuple], processes: int) -> list:
    """Return the results of `function(*job)` in the order of the jobs, run in processes."""
    one_thread()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return list(tqdm(pool.map(function, *zip(*jobs, strict=True)), total=len(jobs)))
