"""The command that compares variants of the searcher on spaces with branches, and its spaces."""
import numpy as np
import pytest
from scipy import stats

from benchmarks import branches
from benchmarks.branch_spaces import KINDS, branch_task
from benchmarks.branch_variants import VARIANTS
from d2l_hpo import sample_configurations


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_no_random_configuration_is_better_than_the_smallest_error(kind, number):
    task = branch_task(kind, number)
    configs = sample_configurations(task.space, 2000, np.random.default_rng(0))
    errors = task.errors(configs)
    assert task.smallest <= errors.min() + 1e-9
    best_of_40 = errors.reshape(-1, 40).min(axis=1) - task.smallest
    assert stats.ttest_1samp(best_of_40, task.unit).pvalue > 1e-4


def test_the_best_branch_of_a_deceptive_space_has_the_largest_mean():
    for number in range(4):
        task = branch_task("deceptive", number)
        configs = sample_configurations(task.space, 4000, np.random.default_rng(1))
        errors, places = task.errors(configs), np.array([int(c["branch"][1:]) for c in configs])
        means = [errors[places == b].mean() for b in range(len(task.own))]
        assert means[task.best] > max(means) - 0.03


def test_other_generators_make_other_spaces():
    assert branch_task("plain", 0).smallest != branch_task("plain", 0, 1).smallest


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_proposes_valid_configurations(variant):
    task = branch_task("deceptive", 4)
    searcher = VARIANTS[variant](task.space, seed=0)
    for _ in range(14):
        config = searcher.sample_configuration()
        searcher.update(config, float(task.errors([config])[0]))
    assert len(searcher.points) == 14


def test_the_table_compares_with_the_searcher_as_it_was(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(branches, "RESULTS", tmp_path)
    monkeypatch.setattr(branches, "run_all", lambda function, jobs, processes: [
        function(*job) for job in jobs])
    arguments = ["--variants", "every fourth", "--spaces", "1", "--seeds", "2",
                 "--evaluations", "12"]
    branches.main(arguments)
    first = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in first.splitlines()
            if line.startswith(("| deceptive", "| plain"))]
    assert [row[:2] for row in rows] == [[kind, name] for kind in KINDS
                                         for name in ("as it was", "every fourth")]
    assert [row[3] == "-" for row in rows] == [True, False] * 2
    assert len(list(tmp_path.iterdir())) == 8
    branches.main(arguments)  # from what was kept
    assert capsys.readouterr().out == first
