"""What a long life does to searches: many trials, a large journal, many searches, kills, faults.

    python -m benchmarks.long_life [--parts trials,journal] [--divide 10]

Prints Markdown tables; AssertionError where something is lost or blocked. For Linux, on an
otherwise idle machine. Journals lie in memory, so that no time is the disk's: it takes 1.1 GB.
"""
import argparse
import importlib
import os

PARTS = ("trials", "journal", "searches", "kills", "faults")
"""Each is a module `long_PART` beside this one. Workers import this file: it loads nothing else."""


def main(arguments: list[str] | None = None) -> None:
    """Print the tables of some parts, or of all."""
    from benchmarks.machine import describe
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="some of the parts")
    parser.add_argument("--divide", type=int, default=1, help="do so many times less, to try it")
    options = parser.parse_args(arguments)
    names = options.parts.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    os.environ["TQDM_DISABLE"] = "1"
    print(describe("numpy", "pebble", "sortedcontainers"))
    for name in names:
        print(flush=True)
        importlib.import_module(f"benchmarks.long_{name}").print_table(options.divide)


if __name__ == "__main__":
    main()
