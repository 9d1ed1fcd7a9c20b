"""The command that compares seldom fits of the model with a fit each time."""
import math

from benchmarks import refits
from d2l_hpo.searchers import process_refit


def test_up_to_100_trials_both_are_equal(capsys):
    refits.main(["--tasks", "hartmann6", "--seeds", "2", "--evaluations", "12", "--processes", "1"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| hartmann6")]
    assert [row.split("|")[2].strip() for row in rows] == ["9", "12"]
    assert all(row.endswith("| 0.00 (0.00 to 0.00) |") for row in rows)


def test_the_limits_are_lifted_for_one_of_them(monkeypatch):
    used = []
    monkeypatch.setattr(refits, "search", lambda *arguments: used.append(
        (process_refit.FITTED_ALWAYS, process_refit.LARGEST_FIT)) or {"errors": [1.0]})
    for name, limit in refits.LIMITS.items():
        monkeypatch.setattr(process_refit, name, limit)  # set back afterwards
    for always in (True, False):
        refits.best_errors("branin", 0, 1, always)
    assert used == [(math.inf, math.inf), (100, 200)]
