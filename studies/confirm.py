"""Train LeNet at one configuration with many seeds, and count how often training collapses.

    python -m studies.confirm [--learning-rate 0.188] [--batch-size 33] [--seeds 50] [--epochs 5]
    python book/elsewhere.py --kinds avx2,plain -- -m studies.confirm

The default configuration is the one that the search of `hyperopt-api` chooses on the processor that
the chapter was written on. Nothing is recorded; one line is printed. Fifty seeds take some three
minutes of one core. The exit status is 1 if more than one in fifty collapsed.
"""
import argparse
import sys
from statistics import median

from tqdm import tqdm

from studies.collapse import COLLAPSED, train
from studies.command import at_least


def main(arguments: list[str] | None = None) -> int:
    """Train, print the count, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learning-rate", type=float, default=0.188)
    parser.add_argument("--batch-size", type=at_least(1), default=33)
    parser.add_argument("--epochs", type=at_least(1), default=5)
    parser.add_argument("--seeds", type=at_least(1), default=50)
    options = parser.parse_args(arguments)
    config = {"learning_rate": options.learning_rate, "batch_size": options.batch_size}
    rows = [train("lenet-relu", options.epochs, config, "init_weights", seed)
            for seed in tqdm(range(options.seeds), disable=None)]
    errors = [1.0 if row["error"] is None else row["error"] for row in rows]
    collapsed = sum(error > COLLAPSED for error in errors)
    print(f"LeNet, {config}, {options.epochs} epochs: {collapsed} of {options.seeds} collapsed, "
          f"median error {median(errors):.3f}, worst {max(errors):.3f}", flush=True)
    return int(collapsed > options.seeds / 50)


if __name__ == "__main__":
    sys.exit(main())
