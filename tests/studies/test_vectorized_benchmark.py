"""The command that measures networks at once: a row a network and number, nothing written."""
import re

import pytest

from benchmarks import vectorized


def test_it_prints_a_row_for_each_network_and_number(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vectorized, "EXAMPLES", 32)
    monkeypatch.setattr(vectorized, "VALIDATION", 16)
    vectorized.main(["--numbers", "1,3", "--repetitions", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert "torch" in lines[0] and "device cpu (one thread)" in lines[0]
    rows = [re.fullmatch(r"\| (.*), batch \d+ \| (\d) \| ([\d.]+) \| ([\d.]+) \| "
                         r"([\d.]+) \(\5-\5\) \|", line) for line in lines[4:]]
    assert [(row[1], row[2]) for row in rows] == [
        (case.name, n) for case in vectorized.CASES for n in "13"]
    assert all(float(row[4]) / float(row[3]) == pytest.approx(float(row[5]), abs=0.1)
               for row in rows)
    assert not [*tmp_path.iterdir()]


def test_both_ways_train_the_same(monkeypatch):
    monkeypatch.setattr(vectorized, "EXAMPLES", 32)
    objective = vectorized.objective_of(vectorized.CASES[1], "cpu")
    calls = vectorized.calls_of(3)
    loop = [objective(config, **keywords) for config, keywords in calls]
    for one, other in zip(loop, objective.run_batch(calls), strict=True):
        assert one["training_loss"] == pytest.approx(other["training_loss"], rel=1e-4)
    assert len({result["training_loss"] for result in loop}) == 3


def test_a_training_that_fails_ends_the_measurement():
    with pytest.raises(ValueError, match="broken"):
        vectorized.seconds_of(lambda: [ValueError("broken")], "cpu")
