"""Counting collapses: the weights that a training begins with, what is recorded, the table."""
import json

import pytest
import torch

from studies import collapse, confirm
from d2l_hpo import HPOTrainer, LeNet, reproducible

CONFIG = {"learning_rate": 0.5, "batch_size": 64, "momentum": 0.5, "weight_decay": 1e-5, "units": 4}


def weights(initialisation: str | None, seed: int = 3) -> dict[str, torch.Tensor]:
    """Return LeNet's weights before training; None: as in the book."""
    with reproducible(seed):
        model = LeNet(0.1)
    if initialisation:
        with collapse.drawn_by(initialisation, "relu"):
            HPOTrainer(1, seed=seed).prepare_model(model)
    return model.net.state_dict()


@pytest.fixture
def study(tmp_path, monkeypatch):
    """One case of the digits, in a file of its own; return the jobs that were trained."""
    monkeypatch.setattr(collapse, "OUTPUT", tmp_path / "collapse.json")
    monkeypatch.setattr(collapse, "CASES", {"digits": [(2, CONFIG)]})
    jobs, train = [], collapse.train
    monkeypatch.setattr(collapse, "train", lambda **job: jobs.append(job) or train(**job))
    return jobs


def test_the_weights_are_those_of_the_name():
    default, ours = weights("default"), weights("init_weights")
    for name in ("0", "3", "7", "9", "11"):
        fan_in = default[f"{name}.weight"][0].numel()
        assert default[f"{name}.weight"].abs().max() <= fan_in ** -0.5
        assert default[f"{name}.bias"].any() and not ours[f"{name}.bias"].any()
        assert ours[f"{name}.weight"].abs().max() > 2 * fan_in ** -0.5


def test_a_seed_gives_lenet_the_weights_of_the_book():
    book, ours = weights(None), weights("init_weights")
    assert all(torch.equal(book[name], ours[name]) for name in book)
    assert not torch.equal(book["0.weight"], weights("init_weights", 4)["0.weight"])


def test_the_trainer_is_the_old_one_afterwards():
    before = HPOTrainer.prepare_model
    with collapse.drawn_by("default", "relu"):
        assert HPOTrainer.prepare_model is not before
    assert HPOTrainer.prepare_model is before


def test_only_missing_seeds_are_trained(study):
    collapse.record(["digits"], 1)
    assert [(job["initialisation"], job["seed"]) for job in study] == [
        ("default", 0), ("init_weights", 0)]
    first = collapse.read_rows()
    collapse.record(["digits"], 2)
    assert [job["seed"] for job in study] == [0, 0, 1, 1]
    assert collapse.read_rows()[:2] == first and len(collapse.read_rows()) == 4
    assert first[0]["error"] != first[1]["error"]


def test_the_table_counts_collapses(study):
    errors = {"default": [0.1, 0.81, None], "init_weights": [0.1, 0.2, 0.8]}
    rows = [{**case, "seed": seed, "error": error, "loss": 1.0}
            for case in collapse.cases(["digits"])
            for seed, error in enumerate(errors[case["initialisation"]])]
    collapse.OUTPUT.write_text(json.dumps(rows), encoding="utf-8")
    first, second = [line.split(" | ")[3:] for line in collapse.table()[2:]]
    assert first == ["default", "2 of 3", "0.810", "not finite |"]
    assert second == ["init_weights", "0 of 3", "0.200", "0.800 |"]


def test_the_recorded_trainings_are_of_the_commands_cases():
    known = {collapse.case_of(case) for case in collapse.cases([*collapse.CASES])}
    rows = collapse.read_rows()
    assert rows and {collapse.case_of(row) for row in rows} <= known
    assert len({(collapse.case_of(row), row["seed"]) for row in rows}) == len(rows)
    assert all(row["error"] is None or 0 <= row["error"] <= 1 for row in rows)


def test_a_configuration_is_confirmed_by_how_many_of_its_trainings_collapse(monkeypatch, capsys):
    errors = {0: 0.2, 1: 0.9, 2: None, 3: 0.3}
    monkeypatch.setattr(confirm, "train", lambda *job: {"error": errors[job[-1]]})
    assert confirm.main(["--seeds", "4"]) == 1
    assert "2 of 4 collapsed, median error 0.600, worst 1.000" in capsys.readouterr().out
    monkeypatch.setattr(confirm, "train", lambda *job: {"error": 0.2})
    assert confirm.main(["--seeds", "4"]) == 0
