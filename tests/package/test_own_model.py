"""The section's program of 25 lines, run as the script that a reader would make of it."""
import os
import subprocess
import sys
from pathlib import Path

from cells import read_notebook
from config import load_config

ROOT = Path(__file__).resolve().parents[2]


def program():
    """The cell of the section that is a program."""
    [section] = [path for path in load_config().section_paths() if path.stem == "advanced-scale"]
    [cell] = [cell.source for cell in read_notebook(section).cells
              if cell.cell_type == "code" and "__main__" in cell.source]
    return cell


def run(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1",
                   "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "tune.py"], cwd=folder, env=environment, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_program_runs_as_a_script_and_goes_on_from_its_journal(tmp_path):
    code = program()
    assert len([line for line in code.splitlines() if line.strip()]) <= 25
    (tmp_path / "tune.py").write_text(code.replace("number_of_trials=24", "number_of_trials=5"),
                                      encoding="utf-8")
    first = run(tmp_path)
    journal = (tmp_path / "digits.jsonl").read_text(encoding="utf-8")
    assert float(first.split()[-1]) < 0.6
    (tmp_path / "tune.py").write_text(code.replace("number_of_trials=24", "number_of_trials=8"),
                                      encoding="utf-8")
    again = run(tmp_path)
    longer = (tmp_path / "digits.jsonl").read_text(encoding="utf-8")
    assert longer.startswith(journal) and len(longer) > len(journal)
    assert float(again.split()[-1]) <= float(first.split()[-1])
