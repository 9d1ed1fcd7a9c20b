"""Recording learning curves: resuming, collecting, and files that are damaged or do not fit."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from systems import posix_only

from d2l_hpo import HPOTrainer
from d2l_hpo.simulation import fit_surrogate, read_recording, recorder, write_recording
from d2l_hpo.simulation.recorder import TrainingJob, design, finished, make_jobs, run
from d2l_hpo.simulation.task_spaces import SPACES
from d2l_hpo.simulation.task_training import TASKS
from d2l_hpo.simulation.recorded_tasks import DigitsBenchmark
from d2l_hpo.simulation.recordings import DATA
from d2l_hpo.spaces.space import check_configuration, describe_space
from d2l_hpo.tools.json_lines import read_lines

TIMES = ("seconds", "latency")


@pytest.fixture
def short(monkeypatch):
    """Jobs of three epochs."""
    monkeypatch.setattr(recorder, "EPOCHS", 3)


def first_job(folder: Path) -> TrainingJob:
    folder.mkdir(exist_ok=True)
    return make_jobs("digits", 4, folder)[0]


def row_of(job: TrainingJob) -> dict:
    (row,) = finished([job])
    return {name: value for name, value in row.items() if name not in TIMES}


def test_a_job_records_every_epoch_and_the_final_measurements(tmp_path, short):
    job = run(first_job(tmp_path))
    *epochs, final = read_lines(job.lines)
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    seconds = [line["seconds"] for line in epochs]
    assert seconds == sorted(seconds) and seconds[0] > 0
    trainer = TASKS["digits"].train(job.config, 3, None, job.index)
    assert epochs[-1]["error"] == trainer.validation_error()
    assert final["test_error"] == trainer.error(trainer_data().test_dataloader())
    assert np.isclose(np.average(final["class_errors"], weights=class_sizes()),
                      epochs[-1]["error"])
    assert final["parameters"] == 64 * job.config["units"] + 11 * job.config["units"] + 10
    assert final["memory"] > 3 * 4 * final["parameters"] and final["latency"] > 0
    assert not job.checkpoint.exists()


def trainer_data():
    return TASKS["digits"].data()


def class_sizes():
    return np.bincount(trainer_data().val[1])


@pytest.mark.parametrize("epochs_done", [0, 1, 2, 3])
@pytest.mark.parametrize("damage", ["none", "torn line", "line lost after the checkpoint"])
def test_a_job_goes_on_from_any_point(tmp_path, monkeypatch, short, epochs_done, damage):
    whole = row_of(run(first_job(tmp_path / "whole")))
    job = first_job(tmp_path / "parts")
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "EPOCHS", epochs_done)
        patch.setattr(recorder, "measure", stop)
        if epochs_done:
            with pytest.raises(KeyboardInterrupt):
                run(job)
    if damage == "torn line":
        with open(job.lines, "a", encoding="utf-8") as file:
            file.write('{"epoch": 4, "err')
    elif damage != "none" and epochs_done:
        lines = job.lines.read_text(encoding="utf-8").splitlines(keepends=True)
        job.lines.write_text("".join(lines[:-1]), encoding="utf-8")
    assert row_of(run(job)) == whole


def stop(*arguments):
    raise KeyboardInterrupt


def test_a_finished_job_is_not_trained_again(tmp_path, monkeypatch, short):
    job = run(first_job(tmp_path))
    monkeypatch.setitem(recorder.TASKS, "digits", None)
    assert run(job) is job


def test_processor_time_replaces_the_clocks_seconds(monkeypatch):
    def fit_epoch(trainer):
        trainer.training_seconds += 1000  # on the clock, while another program used the processor

    moments = iter([3.0, 5.5, 20.0, 21.0])
    monkeypatch.setattr(HPOTrainer, "fit_epoch", fit_epoch)
    monkeypatch.setattr(recorder.time, "process_time", lambda: next(moments))
    recorder.count_processor_time()
    trainer = HPOTrainer(2)
    trainer.training_seconds = 0.5
    trainer.fit_epoch()
    assert trainer.training_seconds == 0.5 + 2.5
    trainer.fit_epoch()
    assert trainer.training_seconds == 0.5 + 2.5 + 1


def test_spaces_are_known_without_torch():
    code = ("import sys, d2l_hpo.simulation.task_spaces as m\n"
            "print(list(m.SPACES), 'torch' in sys.modules)")
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                             text=True).stdout
    assert printed.strip() == f"{list(TASKS)} False"
    assert {name: task.space for name, task in TASKS.items()} == SPACES


def test_a_diverging_job_ends_early_with_nan(tmp_path, short):
    config = {"learning_rate": 3.0, "batch_size": 8, "momentum": 0.99, "weight_decay": 0.1,
              "units": 128}
    job = run(TrainingJob("digits", 0, 0, config, tmp_path))
    row = row_of(job)
    assert row["error"][-1] is None and len(row["error"]) < 3 and row["test_error"] is None
    recording = write_recording(tmp_path / "a.npz", {"epochs": 3}, finished([job]))
    stored = read_recording(tmp_path / "a.npz").rows[0, 0]
    assert np.isnan(stored["error"][-1]) and np.isnan(stored["test_error"])
    assert set(recording.rows) == {(0, 0)}


def test_a_design_is_balanced_inside_the_space_and_grows():
    for name, task in TASKS.items():
        configs = design(name, 16)
        assert [check_configuration(task.space, config) for config in configs] == configs
        assert design(name, 32)[:16] == configs
    with pytest.raises(ValueError, match="configurations is 12, expected a power of two"):
        design("digits", 12)


def command(folder, *more):
    return [sys.executable, "-m", "d2l_hpo.simulation", "record", "digits", "--configurations", "2",
            "--processes", "1", "--folder", str(folder / "jobs"),
            "--output", str(folder / "a.npz"), *more]


def comparable(path):
    rows = read_recording(path).rows
    return {key: json.dumps({name: value for name, value in row.items() if name not in TIMES})
            for key, row in rows.items()}


@posix_only
def test_a_killed_recorder_goes_on_and_a_finished_one_has_nothing_to_do(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
    subprocess.run(command(whole), check=True, capture_output=True)
    process = subprocess.Popen(command(killed), stderr=subprocess.PIPE, start_new_session=True)
    progress = b""
    while b"3/10" not in progress:
        progress += os.read(process.stderr.fileno(), 1000)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (killed / "a.npz").exists()
    subprocess.run(command(killed), check=True, capture_output=True)
    assert comparable(killed / "a.npz") == comparable(whole / "a.npz")
    assert len(comparable(whole / "a.npz")) == 10
    again = subprocess.run(command(killed), check=True, capture_output=True, text=True)
    assert "10 jobs recorded" in again.stdout
    kernels = read_recording(whole / "a.npz").card["kernels"]
    benchmark = DigitsBenchmark(whole / "a.npz")
    assert set(kernels) == {"error", "seconds"} and benchmark.surrogate.kernels == kernels


def test_fitting_the_surrogate_changes_nothing_but_the_kernels(tmp_path):
    shipped = read_recording(DATA / "recording_digits.npz")
    path = tmp_path / "a.npz"
    rows = [shipped.rows[index, 0] for index in (0, 1, 2, 5, 8, 13)]  # some of them diverged
    without = {name: value for name, value in shipped.card.items() if name != "kernels"}
    write_recording(path, without, rows)
    before = repr(read_recording(path).rows)
    fitted = fit_surrogate(path)
    stored = read_recording(path)
    assert repr(stored.rows) == before and "nan" in before
    assert stored.card == fitted.card == {**without, "kernels": stored.card["kernels"]}
    assert stored.card["kernels"] != shipped.card["kernels"]
    assert fit_surrogate(path).card == stored.card


def test_two_spaces_are_not_mixed(tmp_path, monkeypatch, short):
    card = recorder.make_card("digits", "cpu")
    path = tmp_path / "a.npz"
    write_recording(path, card, finished([run(first_job(tmp_path))]))
    other = {**TASKS["digits"].space, "units": 8}
    monkeypatch.setitem(recorder.TASKS, "digits",
                        type(TASKS["digits"])(other, TASKS["digits"].train, TASKS["digits"].data))
    with pytest.raises(ValueError, match="was recorded with space"):
        recorder.record("digits", 2, 1, "cpu", tmp_path / "jobs", path)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, short):
    path = tmp_path / "a.npz"
    rows = list(finished([run(first_job(tmp_path / "jobs"))]))
    write_recording(path, {"epochs": 3}, rows)
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="no space left"):
        write_recording(path, {"epochs": 3}, rows)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.npz", "jobs"]


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_a_truncated_recording_is_an_error_with_its_name(tmp_path, short, keep):
    path = tmp_path / "a.npz"
    write_recording(path, {"epochs": 3}, finished([run(first_job(tmp_path))]))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(ValueError, match=r"a\.npz is damaged or no recording"):
        read_recording(path)


@pytest.mark.parametrize("path", sorted(DATA.glob("recording_*.npz")), ids=lambda path: path.stem)
def test_shipped_recordings_are_whole_and_fit_their_tasks(path):
    recording = read_recording(path)
    task = TASKS[recording.card["task"]]
    assert recording.card["space"] == describe_space(task.space)
    assert {index for index, repetition in recording.rows if repetition == 4} == set(range(24))
    for row in recording.rows.values():
        assert check_configuration(task.space, row["config"]) == row["config"]
        errors, seconds = np.array(row["error"]), np.array(row["seconds"])
        trained = np.isfinite(seconds)
        assert (np.diff(seconds[trained]) > 0).all() and len(errors) == recording.card["epochs"]
        assert ((errors[trained] >= 0) & (errors[trained] <= 1))[:-1].all()
        assert np.isnan(row["test_error"]) == (not np.isfinite(errors[-1]))


def test_training_anew_gives_what_was_recorded():
    row = read_recording(DATA / "recording_digits.npz").rows[0, 0]
    trainer = TASKS["digits"].train(row["config"], 3, None, 0)
    assert trainer.validation_error() == pytest.approx(row["error"][2], abs=0.05)
