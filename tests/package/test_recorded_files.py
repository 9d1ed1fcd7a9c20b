"""Files of recordings: missing, damaged, of something else, partial, and those of the package."""
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from d2l_hpo import DigitsBenchmark, LeNetBenchmark, MLPBenchmark
from d2l_hpo.simulation import read_recording, write_recording
from d2l_hpo.simulation.recordings import DATA

BENCHMARKS = {LeNetBenchmark: 256, MLPBenchmark: 512, DigitsBenchmark: 512}


@pytest.fixture(scope="module")
def digits() -> DigitsBenchmark:
    return DigitsBenchmark()


@pytest.fixture
def write_part(tmp_path, digits):
    """A function that writes some rows of the digits' recording to a file and returns its path."""
    def write(keys, **card) -> Path:
        path = tmp_path / "part.npz"
        rows = [digits.recording.rows[key] for key in keys]
        write_recording(path, {**digits.card, **card}, rows)
        return path
    return write


# -- files that are missing, damaged, of something else, or partial -------------------------------

def test_a_missing_recording_says_how_to_make_it(tmp_path):
    path = tmp_path / "none.npz"
    command = f"record it: python -m d2l_hpo.simulation record TASK --output {path}"
    with pytest.raises(FileNotFoundError, match=command):
        DigitsBenchmark(path)


def test_a_flipped_bit_is_noticed_or_harmless(write_part):
    path = write_part([(0, 0), (1, 0)])
    whole, content = repr(read_recording(path)), path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for position in rng.integers(len(content), size=400):
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert repr(read_recording(path)) == whole
        except ValueError as error:
            refused += 1
            assert "part.npz is damaged or no recording; record it again" in str(error)
    assert refused > 300


def test_what_is_no_recording_is_refused(tmp_path, digits, write_part):
    path = write_part([(0, 0), (1, 0)])
    with np.load(path) as file:
        arrays = dict(file)
    shorter = {name: array[:, :-1] for name, array in arrays.items() if name == "error"}
    fewer = {name: array[:-1] for name, array in arrays.items() if name == "latency"}
    pickled = {"config": np.array([{}, {}], object)}
    other = tmp_path / "other.npz"
    for change in (shorter, fewer, pickled, {"card": np.array("[]")}, {"card": np.array("{")}):
        np.savez_compressed(other, **{**arrays, **change})
        with pytest.raises(ValueError, match=r"other\.npz is damaged or no recording"):
            DigitsBenchmark(other)
    np.savez_compressed(other, x=np.arange(3))
    with pytest.raises(ValueError, match=r"other\.npz is damaged or no recording"):
        DigitsBenchmark(other)
    other.write_text("a text", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.npz is damaged or no recording"):
        DigitsBenchmark(other)


def test_a_recording_of_another_task_or_space_is_refused(digits, write_part):
    with pytest.raises(ValueError, match="was recorded with task 'mlp', expected 'digits'"):
        DigitsBenchmark(DATA / "recording_mlp.npz")
    with pytest.raises(ValueError, match="was recorded with task None"):
        DigitsBenchmark(write_part([(0, 0)], task=None))
    space = [*digits.card["space"][:-1], {**digits.card["space"][-1], "name": "width"}]
    with pytest.raises(ValueError, match="was recorded with space .*'width'.* record it again"):
        DigitsBenchmark(write_part([(0, 0)], space=space))


def test_a_partial_recording_is_a_benchmark_of_what_is_there(digits, write_part):
    indices = [2, 3, 5, 7, 11, 13, 17, 19]
    part = DigitsBenchmark(write_part([(index, 0) for index in indices]))
    assert part.configs == [digits.configs[index] for index in indices]
    assert np.array_equal(part.curve(digits.configs[2]), digits.curve(digits.configs[2]))
    assert np.isfinite(part.curve(digits.configs[0])).all()  # predicted, though recorded elsewhere
    assert np.array_equal(part.table("parameters"), digits.table("parameters")[indices])
    with pytest.raises(ValueError, match="no configuration has been recorded with all its seeds"):
        part.repetitions("error")


def test_repetitions_are_of_the_configurations_that_have_them_all(digits, write_part):
    keys = [(0, seed) for seed in range(3)] + [(1, 0), (1, 2)] + [(2, seed) for seed in range(3)]
    part = DigitsBenchmark(write_part(keys))
    expected = digits.repetitions("error")[[0, 2], :3]
    assert np.array_equal(part.repetitions("error"), expected, equal_nan=True)
    with pytest.raises(ValueError, match="go on recording: .* record digits"):
        DigitsBenchmark(write_part([(0, 0), (1, 0), (1, 2)])).repetitions("error")


def test_the_quality_of_few_configurations_needs_fewer_folds(write_part):
    part = DigitsBenchmark(write_part([(index, seed) for index in range(6) for seed in (0, 1)]))
    with pytest.raises(ValueError, match="folds is 8, but only 6 configurations are recorded"):
        part.surrogate_quality()
    assert part.surrogate_quality(folds=3)["error_r2"].shape == (27,)


@pytest.mark.parametrize("keys", [[], [(0, 1), (1, 1)]])
def test_a_recording_without_a_configuration_is_an_error(write_part, keys):
    with pytest.raises(ValueError, match="holds no configuration yet; go on recording it"):
        DigitsBenchmark(write_part(keys))


# -- the recordings of the package ----------------------------------------------------------------

CARD = {"task", "space", "epochs", "device", "processor", "cores", "threads_a_process", "python",
        "torch", "seconds", "recorded", "made_by", "licence", "kernels"}


@pytest.mark.parametrize(("benchmark_class", "size"), BENCHMARKS.items())
def test_a_shipped_recording_is_complete_and_says_how_it_was_made(benchmark_class, size):
    benchmark = benchmark_class()
    assert len(benchmark.configs) == size and f"{size} configurations" in benchmark_class.__doc__
    assert benchmark.repetitions("error").shape == (24, 5, 27)
    assert len(benchmark.recording.rows) == size + 4 * 24
    card = benchmark.card
    assert CARD <= set(card) and all(card[name] for name in CARD)
    assert card["licence"] == "MIT" and card["epochs"] == benchmark.max_epochs == 27
    assert card["made_by"] == f"python -m d2l_hpo.simulation record {benchmark.task}"
    assert date(2026, 1, 1) < date.fromisoformat(card["recorded"])
    assert set(card["kernels"]) == {"error", "seconds"}


@pytest.mark.parametrize("benchmark_class", BENCHMARKS)
def test_some_shipped_configurations_learn_some_diverge_and_some_are_slow(benchmark_class):
    benchmark = benchmark_class()
    errors, losses = benchmark.table("error")[:, -1], benchmark.table("loss")[:, -1]
    assert np.nanmin(errors) < 0.2 and np.nanmedian(errors) < 0.6
    assert (~(losses < 2 * math.log(10))).sum() >= 2  # guessing among ten classes costs log(10)
    seconds = np.array([benchmark.curve(config)[1][-1] for config in benchmark.configs])
    assert seconds.max() > 1.5 * np.median(seconds) and seconds.max() > 3 * seconds.min() > 0


@pytest.mark.parametrize("benchmark_class", BENCHMARKS)
def test_shipped_final_measurements_are_plausible(benchmark_class):
    benchmark = benchmark_class()
    errors, test_errors = benchmark.table("error")[:, -1], benchmark.table("test_error")
    known = np.isfinite(test_errors)
    assert np.array_equal(known, np.isfinite(errors))
    assert np.abs(test_errors - errors)[known].max() < 0.1
    assert np.corrcoef(test_errors[known], errors[known])[0, 1] > 0.99
    by_class = benchmark.table("class_errors")[known]
    assert by_class.shape[1] == 10 and ((by_class >= 0) & (by_class <= 1)).all()
    np.testing.assert_allclose(by_class.mean(1), errors[known], atol=0.04)  # classes: equal sizes
    parameters, latency = benchmark.table("parameters"), benchmark.table("latency")
    assert ((parameters > 100) & (parameters < 1e6)).all()
    assert (benchmark.table("memory") > 2 * 4 * parameters).all()  # with gradients, in bytes
    assert ((latency > 1e-6) & (latency < 0.1)).all()


def test_shipped_recordings_are_small_and_hold_plain_arrays():
    paths = sorted(DATA.glob("recording_*.npz"))
    assert [path.stem for path in paths] == ["recording_digits", "recording_lenet", "recording_mlp"]
    assert sum(path.stat().st_size for path in paths) < 3e6
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            assert {file[name].dtype.kind for name in file.files} <= set("fiuU")
