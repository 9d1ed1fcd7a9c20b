"""What the simulated cluster refuses: bad arguments, curves and suggestions."""
import math

import pytest
from scripted_curves import Curves, Scripted, basic, columns, lasting, trial

from d2l_hpo import Trial
from d2l_hpo.simulation.recorded_tasks import DigitsBenchmark
from d2l_hpo.simulation.simulator import simulate

# -- arguments ------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["n_workers", "number_of_trials"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "2"])
def test_a_bad_number_is_an_error(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}, expected a positive integer"):
        simulate(basic(2), lasting(1, 1), **{name: value})


@pytest.mark.parametrize("value", [0, -1.5, math.nan, True, "3"])
def test_a_bad_time_limit_is_an_error(value):
    with pytest.raises(ValueError, match=f"max_time is {value!r}, expected a positive number"):
        simulate(basic(2), lasting(1, 1), max_time=value)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, True, "0"])
def test_a_bad_decision_time_is_an_error(value):
    with pytest.raises(ValueError, match=f"decision_time is {value!r}, expected .* or None"):
        simulate(basic(2), lasting(1, 1), decision_time=value)


def test_a_bad_function_of_job_times_is_an_error():
    with pytest.raises(TypeError, match="job_time is 2, expected a function of trial, worker and"):
        simulate(basic(2), lasting(1, 1), job_time=2)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_bad_job_time_is_an_error(value):
    with pytest.raises(ValueError, match=f"job_time returned {value} for trial 0 on worker 0, "
                                         "where 1.0 seconds were recorded"):
        simulate(basic(2), lasting(1, 1), job_time=lambda trial, worker, seconds: value)


@pytest.mark.parametrize("benchmark", [None, len, DigitsBenchmark], ids=repr)
def test_a_benchmark_without_curves_is_an_error(benchmark):
    with pytest.raises(TypeError, match=r"benchmark is .*, expected an object with a method curve"):
        simulate(basic(2), benchmark)


# -- curves ---------------------------------------------------------------------------------------

@pytest.mark.parametrize(("elapsed", "duration"), [
    ([1, -1, 2], "-1.0"), ([1, math.nan, 2], "nan"), ([1, math.inf, 2], "inf"),
    ([1, -math.inf, 2], "-inf"),
])
def test_a_bad_duration_of_a_new_trial_is_an_error(elapsed, duration):
    benchmark = Curves(([0.5, 0.5, 0.5], elapsed))
    with pytest.raises(ValueError, match=f"trial 0 takes {duration} seconds from epoch 0 to 2; "
                                         "the benchmark's elapsed seconds must be finite"):
        simulate(Scripted(trial(0, 2)), benchmark)


@pytest.mark.parametrize("elapsed", [[2, 1], [2, math.nan], [2, math.inf]])
def test_a_bad_duration_of_further_epochs_is_an_error(elapsed):
    scheduler = Scripted(trial(0, 1), trial(0, 2, 1))
    with pytest.raises(ValueError, match="trial 0 takes .* seconds from epoch 1 to 2.*decrease"):
        simulate(scheduler, Curves(([0.5, 0.5], elapsed)))


def test_epochs_that_take_no_time_are_none():
    benchmark = Curves(([0.5, math.nan], [2, 2]))
    records = simulate(Scripted(trial(0, 1), trial(0, 2, 1)), benchmark)
    assert columns(records, "start", "end") == [(0, 2), (2, 2)]


@pytest.mark.parametrize("curve", [([0.5, 0.5], [1, 2, 3]), ([0.5, 0.5, 0.5], [1, 2])])
def test_a_curve_that_is_too_short_is_an_error(curve):
    with pytest.raises(ValueError, match="trial 0 .* max_epochs 3, but its curve has 2 epochs"):
        simulate(Scripted(trial(0, 3)), Curves(curve))


# -- suggestions ----------------------------------------------------------------------------------

@pytest.mark.parametrize("n_workers", [1, 10_000])
def test_a_scheduler_that_never_suggests_is_an_error(n_workers):
    scheduler = Scripted()
    with pytest.raises(RuntimeError, match="scheduler never suggested a trial; does its searcher"):
        simulate(scheduler, lasting(1), n_workers, number_of_trials=3, max_time=5)
    assert scheduler.log == ["none"]


@pytest.mark.parametrize("suggestion", [{"x": 0}, 0, (0, {"x": 0}), Trial], ids=repr)
def test_a_suggestion_that_is_no_trial_is_an_error(suggestion):
    scheduler = basic(1)
    scheduler.suggest = lambda: suggestion
    with pytest.raises(TypeError, match="the scheduler suggested .*, expected a Trial or None"):
        simulate(scheduler, lasting(1))


def test_a_running_trial_cannot_start_again():
    with pytest.raises(ValueError, match="trial 0 was suggested while it is running; .* report"):
        simulate(Scripted(trial(0, 1), trial(0, 2, 1)), Curves(([1, 2], [1, 2])), n_workers=2)


@pytest.mark.parametrize("error", [0.5, math.nan])
@pytest.mark.parametrize("again", [trial(0, 2), trial(0, 1), trial(0, 2, 2), trial(0, 1, 2)],
                         ids=repr)
def test_a_finished_trial_cannot_start_again_even_if_it_failed(error, again):
    benchmark = Curves(([0.5, error, 0.5], [1, 2, 3]))
    with pytest.raises(ValueError, match=f"trial 0 .* max_epochs {again.max_epochs}, but has "
                                         "finished 2 epochs; suggest it with more"):
        simulate(Scripted(trial(0, 2), again), benchmark)


def test_a_trial_without_max_epochs_is_finished_after_its_whole_curve():
    with pytest.raises(ValueError, match="trial 0 .* has finished 2 epochs"):
        simulate(Scripted(trial(0), trial(0)), Curves(([0.5, 0.5], [1, 2])))


def test_a_failed_trial_may_be_continued():
    benchmark = Curves(([0.5, math.nan, 0.25], [1, 2, 3]))
    records = simulate(Scripted(trial(0, 2), trial(0, 3, 2)), benchmark)
    assert list(records["status"]) == ["failed", "completed"]


@pytest.mark.parametrize("suggestions", [
    [trial(0, 3, 1)], [trial(0, 3, 3)], [trial(0, 2, 3)], [trial(0, 1), trial(0, 3, 2)],
], ids=repr)
def test_a_trial_cannot_continue_from_epochs_it_was_not_trained_to(suggestions):
    with pytest.raises(ValueError, match=r"trial 0 was suggested from epoch \d, but was trained "
                                         r"for \d; begin at most there"):
        simulate(Scripted(*suggestions), Curves(([0.5] * 3, [1, 2, 3])))


def test_a_trial_with_the_checkpoint_of_another_cannot_be_simulated():
    scheduler = Scripted(trial(0, 1), Trial(1, {"x": 1}, 2, 1, source=0))
    with pytest.raises(ValueError, match="trial 1 was suggested with the checkpoint of trial 0, "
                                         "but recorded curves .*; run .* with HPOTuner"):
        simulate(scheduler, Curves(([0.5, 0.5], [1, 2]), ([0.5, 0.5], [1, 2])))


@pytest.mark.parametrize(("max_epochs", "epoch", "message"), [
    (0, 0, "max_epochs is 0"), (-1, 0, "max_epochs is -1"), (1.5, 0, "max_epochs is 1.5"),
    (True, 0, "max_epochs is True"), ("2", 0, "max_epochs is '2'"), (2, -1, "epoch is -1"),
    (2, 0.5, "epoch is 0.5"), (2, None, "epoch is None"),
])
def test_epochs_that_are_no_counts_are_errors(max_epochs, epoch, message):
    with pytest.raises(ValueError, match=f"a suggested trial's {message}, expected"):
        simulate(Scripted(trial(0, max_epochs, epoch)), Curves(([0.5] * 3, [1, 2, 3])))


def test_a_configuration_outside_the_recorded_space_is_an_error():
    benchmark = DigitsBenchmark()
    config = {**benchmark.configs[0], "learning_rate": 1e9}
    with pytest.raises(ValueError, match="learning_rate"):
        simulate(Scripted(Trial(0, config)), benchmark)
