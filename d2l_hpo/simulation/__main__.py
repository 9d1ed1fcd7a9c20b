"""Record a task: `python -m d2l_hpo.simulation record lenet` (or mlp, digits)."""
import argparse
import os
from pathlib import Path

from d2l_hpo.simulation.recordings import DATA


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m d2l_hpo.simulation",
                                     description="Record learning curves of real training.")
    command = parser.add_subparsers(required=True).add_parser("record", help="record a task")
    command.add_argument("task", choices=["lenet", "mlp", "digits"])
    command.add_argument("--configurations", type=int, default=256, help="a power of two")
    command.add_argument("--processes", type=int, default=os.cpu_count())
    command.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    command.add_argument("--folder", type=Path, help="of unfinished jobs; default: recordings/TASK")
    command.add_argument("--output", type=Path, help="default: the package's data folder")
    options = parser.parse_args(arguments)
    from d2l_hpo.simulation.recorder import record  # imports torch, which help does not need
    recording = record(options.task, options.configurations, options.processes, options.device,
                       options.folder or Path("recordings", options.task),
                       options.output or DATA / f"recording_{options.task}.npz")
    print(f"{len(recording.rows)} jobs recorded")


if __name__ == "__main__":
    main()
