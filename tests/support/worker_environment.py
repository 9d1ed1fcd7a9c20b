"""An objective's module that reads its environment while it is imported."""
import os
import subprocess
import sys
from pathlib import Path

import faulty_objectives as faulty

GPU = os.environ.get("CUDA_VISIBLE_DEVICES")


def visible(config, folder=None):
    """Return what this process and a program that it starts see; die once where x is 1."""
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    program = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                             check=True)
    if folder is not None and config["x"] == 1 and faulty.is_first(folder, config):
        faulty.die("SIGKILL")
    if folder is not None:
        (Path(folder) / f"here_{config['x']}").touch()
        faulty.wait_until(lambda: len(list(Path(folder).glob("here_*"))) >= 2)
    return {"error": config["x"], "imported": GPU, "program": program.stdout.strip(),
            "other": os.environ.get("HPO_TEST_OTHER")}
