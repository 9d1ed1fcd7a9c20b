"""Batches of networks trained at once: the same as one at a time, and what cannot be trained so."""
import math
import warnings
from functools import partial

import pytest
import torch
from scipy import stats
from small_training import on_the_cpu  # noqa: F401 - an autouse fixture
from torch import nn
from vectorized_members import (
    CLOSE,
    Averaging,
    Scheduled,
    Weighted,
    alone,
    assert_same_checkpoints,
    data_of,
    linear,
    network,
    small_lenet,
    small_perceptron,
)

from d2l_hpo import (
    HPOTuner,
    Network,
    RandomSearcher,
    SuccessiveHalvingScheduler,
    TensorData,
    VectorizedObjective,
    categorical,
    reproducible,
    train_lenet,
    train_perceptron,
)
from d2l_hpo.training import lenet_parts, members, moved, objectives, perceptron_parts, shape_of
from d2l_hpo.training import Stack
from d2l_hpo.training.datasets import d2l
from d2l_hpo.training.vectorized import prepared
from d2l_hpo.tuning import objective_name

RATES = [{"learning_rate": 0.1}, {"learning_rate": 0.02, "momentum": 0.9},
         {"learning_rate": 0.05, "momentum": 0.5, "weight_decay": 0.1}]


@pytest.fixture
def sizes(monkeypatch):
    """How many networks each program has had, in their order."""
    found = []

    class Counted(members.Stack):
        def __init__(self, trainers):
            found.append(len(trainers))
            super().__init__(trainers)

    monkeypatch.setattr(members, "Stack", Counted)
    return found


def run(parts, configs, max_epochs=3, folder=None):
    """The results of a batch; member i has seed i, and its checkpoint in the folder."""
    return VectorizedObjective(parts).run_batch([
        (config, {"max_epochs": max_epochs, "seed": i,
                  "checkpoint": None if folder is None else folder / f"{i}.pt"})
        for i, config in enumerate(configs)])


def assert_as_alone(results, parts, configs, max_epochs=3):
    for i, (result, config) in enumerate(zip(results, configs, strict=True)):
        trainer = alone(parts, config, max_epochs, seed=i)
        assert result["error"] == pytest.approx(trainer.validation_error(), nan_ok=True)
        assert result["training_loss"] == pytest.approx(trainer.training_loss, rel=1e-9,
                                                        nan_ok=True)


# -- the same as one at a time --------------------------------------------------------------------

@pytest.mark.parametrize("parts, groups", [
    (small_lenet, [{"batch_size": 16}, {"batch_size": 20, "width": 2}]),
    (small_perceptron, [{"batch_size": 16}, {"batch_size": 25}, {"units": 5}])])
def test_groups_leave_what_single_trainings_leave(parts, groups, sizes, tmp_path):
    configs = [{**rates, **group} for rates in RATES[:2] for group in groups]
    results = run(parts, configs, 3, tmp_path)
    assert sizes == [2] * len(groups)
    for i, (config, result) in enumerate(zip(configs, results, strict=True)):
        trainer = alone(parts, config, 3, seed=i, checkpoint=tmp_path / "alone.pt")
        assert_same_checkpoints(tmp_path / f"{i}.pt", tmp_path / "alone.pt")
        assert result["error"] == trainer.validation_error()
        (tmp_path / "alone.pt").unlink()
    assert len({result["training_loss"] for result in results}) == len(configs)


def test_a_network_that_diverges_stops_and_the_others_do_not_notice(sizes, tmp_path):
    configs = [*RATES, {"learning_rate": 1e200, "momentum": 0.9}]
    results = run(small_perceptron, configs, 4, tmp_path)
    trainer = alone(small_perceptron, configs[3], 4, seed=3, checkpoint=tmp_path / "alone.pt")
    assert trainer.epoch < 4 and not math.isfinite(trainer.training_loss)
    assert math.isnan(results[3]["error"])
    assert torch.load(tmp_path / "3.pt", weights_only=True)["epoch"] == trainer.epoch
    assert sizes == [4, 3]
    assert_as_alone(results[:3], small_perceptron, RATES, 4)


def test_in_single_precision_results_differ_by_rounding_only():
    def parts(config):
        build, data = lenet_parts(config)
        cut = [(images[:96], labels[:96]) for images, labels in (data.train, data.val)]
        return build, TensorData(*cut, batch_size=data.batch_size)
    configs = [{**rates, "batch_size": 32} for rates in RATES]
    for i, result in enumerate(run(parts, configs, 2)):
        trainer = alone(parts, configs[i], 2, seed=i)
        assert result["training_loss"] == pytest.approx(trainer.training_loss, rel=1e-3)
        assert result["error"] == pytest.approx(trainer.validation_error(), abs=0.05)


def test_one_configuration_is_trained_by_the_trainer_itself(sizes):
    objective = VectorizedObjective(small_perceptron)
    trainer = alone(small_perceptron, RATES[1], 2, seed=5)
    assert objective(RATES[1], max_epochs=2, seed=5) == {
        "error": trainer.validation_error(), "training_loss": trainer.training_loss}
    assert sizes == []


class Grouped(Network):
    """Weights and biases have settings of their own, and the first bias stays as it is."""

    def configure_optimizers(self):
        self.net[1].bias.requires_grad_(False)
        weights = [p for p in self.parameters() if p.ndim == 2]
        biases = [p for p in self.parameters() if p.ndim == 1]
        return torch.optim.SGD([{"params": weights, "nesterov": self.sgd["momentum"] > 0},
                                {"params": biases, "weight_decay": 0.0, "momentum": 0.0,
                                 "lr": 0.3}], **self.sgd)


def test_groups_of_parameters_have_their_own_settings(sizes, tmp_path):
    parts = network(linear(784, 6), nn.Tanh, linear(6, 10), kind=Grouped)
    run(parts, RATES[1:], 3, tmp_path)
    assert sizes == [2]
    for i, config in enumerate(RATES[1:]):
        path = tmp_path / f"alone_{i}.pt"
        alone(parts, config, 3, seed=i, checkpoint=path)
        assert_same_checkpoints(tmp_path / f"{i}.pt", path)


def test_lazy_networks_of_d2l_are_one_group(sizes):
    def parts(config):
        return lambda: d2l.SoftmaxRegression(10, lr=config["learning_rate"]), TensorData(
            *(tuple(part.float() if part.is_floating_point() else part for part in pair)
              for pair in (data_of({}).train, data_of({}).val)), batch_size=16)
    results = run(parts, [{"learning_rate": rate} for rate in (0.1, 0.01)])
    assert sizes == [2]
    for i, rate in enumerate((0.1, 0.01)):
        trainer = alone(parts, {"learning_rate": rate}, 3, seed=i)
        assert results[i]["training_loss"] == pytest.approx(trainer.training_loss, rel=1e-4)


def test_dropout_of_nothing_is_no_dropout():
    configs = [{**rates, "dropout": 0.0} for rates in RATES]
    assert_as_alone(run(small_perceptron, configs), small_perceptron, configs)


@pytest.mark.parametrize("parts, train, config", [
    (lenet_parts, train_lenet, {"learning_rate": 0.1, "batch_size": 50, "width": 2,
                                "activation": "tanh", "momentum": 0.5}),
    (perceptron_parts, train_perceptron, {"learning_rate": 0.1, "units": 30, "dropout": 0.2})])
def test_parts_are_what_the_objectives_train(parts, train, config, monkeypatch):
    monkeypatch.setattr(objectives, "train_model", lambda build, data, *others: (build, data))
    for given in (config, {name: config[name] for name in ("learning_rate", "batch_size")
                           if name in config}):
        (build, data), (build_2, data_2) = train(given, 1), parts(given)
        with reproducible(3):
            model = build()
        with reproducible(3):
            model_2 = build_2()
        assert str(model) == str(model_2) and model.sgd == model_2.sgd
        torch.testing.assert_close(model.state_dict(), model_2.state_dict(), rtol=0, atol=0)
        assert data.batch_size == data_2.batch_size
        for pair, pair_2 in ((data.train, data_2.train), (data.val, data_2.val)):
            assert all(map(torch.equal, pair, pair_2))
    errors = []
    for function in (lambda: train({**config, "depth": 3}, 1), lambda: train({}, 1),
                     lambda: parts({**config, "depth": 3}), lambda: parts({})):
        with pytest.raises(ValueError) as error:
            function()
        errors.append(str(error.value))
    assert errors[:2] == errors[2:] and "depth" in errors[0]


# -- groups ---------------------------------------------------------------------------------------

class Sloped(nn.Module):
    """An activation whose slope is an attribute that its text does not tell."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, X):
        return torch.where(X > 0, X, self.slope * X)


class Smoothed(Network):
    """Its loss depends on an attribute of the model."""

    def __init__(self, *arguments, smoothing, **settings):
        super().__init__(*arguments, **settings)
        self.smoothing = smoothing

    def loss(self, Y_hat, Y):
        return nn.functional.cross_entropy(Y_hat, Y, label_smoothing=self.smoothing)


@pytest.mark.parametrize("make", [
    lambda x: network(linear(784, 6), lambda: Sloped(x), linear(6, 10)),
    lambda x: network(linear(), kind=Smoothed, smoothing=x)])
def test_networks_that_compute_something_else_are_no_group(make, sizes):
    def parts(config):
        return make(config["x"])(config)
    configs = [{**rates, "x": x} for x in (0.1, 0.3) for rates in RATES[:2]]
    assert_as_alone(run(parts, configs), parts, configs)
    assert sizes == [2, 2]


def test_a_stack_names_the_parameter_whose_width_differs():
    trainers = [prepared(*small_perceptron({"learning_rate": 0.1, "units": units}),
                         torch.device("cpu"), {})[0] for units in (8, 9)]
    with pytest.raises(ValueError, match=r"model.net.1.weight has shape .*\[8, 784\].* in one "
                                         r"network and .*\[9, 784\]"):
        Stack(trainers)


def test_data_that_share_a_tensor_are_moved_once():
    first, second = data_of({}), data_of({"batch_size": 20})
    known = {}
    there = [moved(data, torch.device("meta"), known) for data in (first, second)]
    assert there[0].train[0] is there[1].train[0] and there[0].train[0].is_meta
    assert not first.train[0].is_meta and there[1].batch_size == 20
    assert len(known) == 4  # and no id is of another tensor later, since it keeps those it knows
    assert all(id(one) == key and one is not two for key, (one, two) in known.items())


# -- checkpoints ----------------------------------------------------------------------------------

@pytest.mark.parametrize("parts, alone_first", [(small_lenet, True), (small_perceptron, True),
                                                (small_perceptron, False)])
def test_a_training_goes_on_from_the_checkpoint_of_either(parts, alone_first, tmp_path):
    def together(max_epochs):
        run(parts, RATES, max_epochs, tmp_path)

    def one_by_one(max_epochs):
        for i, config in enumerate(RATES):
            alone(parts, config, max_epochs, i, tmp_path / f"{i}.pt")

    first, second = (one_by_one, together) if alone_first else (together, one_by_one)
    first(1)
    second(3)
    for i, config in enumerate(RATES):
        alone(parts, config, 3, i, tmp_path / "straight.pt")
        assert_same_checkpoints(tmp_path / f"{i}.pt", tmp_path / "straight.pt")
        (tmp_path / "straight.pt").unlink()


def test_trainings_at_different_epochs_are_one_group(sizes, tmp_path):
    alone(small_perceptron, RATES[1], 2, 1, tmp_path / "1.pt")
    results = VectorizedObjective(small_perceptron).run_batch([
        (RATES[i], {"max_epochs": last, "seed": i, "checkpoint": tmp_path / f"{i}.pt"})
        for i, last in enumerate((3, 4, 5))])
    assert sizes == [3, 2]  # members 0 and 1 end: one after 3 epochs, the other after 2
    for i, last in enumerate((3, 4, 5)):
        assert results[i]["training_loss"] == pytest.approx(
            alone(small_perceptron, RATES[i], last, i).training_loss, rel=1e-9)


def test_a_checkpoint_that_is_complete_is_not_trained_again(sizes, tmp_path):
    first = run(small_perceptron, RATES, 2, tmp_path)
    files = [(tmp_path / f"{i}.pt").read_bytes() for i in range(3)]
    again = run(small_perceptron, RATES, 2, tmp_path)
    assert first == again and sizes == [3]
    assert files == [(tmp_path / f"{i}.pt").read_bytes() for i in range(3)]


# -- with a scheduler -----------------------------------------------------------------------------

def search(objective, folder, **options):
    space = {"learning_rate": stats.loguniform(1e-3, 10), "momentum": stats.uniform(0, 0.9),
             "batch_size": categorical([16, 25])}
    scheduler = SuccessiveHalvingScheduler(RandomSearcher(space, seed=0), eta=3, r_min=1, r_max=9,
                                           rounds=1, open_brackets=1)
    return HPOTuner(scheduler, objective, checkpoint_dir=folder, **options)


def test_successive_halving_has_the_records_of_single_trials(sizes, tmp_path):
    objective = VectorizedObjective(small_perceptron)
    together = search(objective, tmp_path / "a", batch_size=9, journal=tmp_path / "a.jsonl")
    together.run()
    single = search(lambda config, **keywords: objective(config, **keywords), tmp_path / "b")
    single.run()
    assert len(together.rows) == 13 and sum(sizes) >= 9
    for row, other in zip(together.rows, single.rows, strict=True):
        for name in ("trial_id", "config", "epoch", "max_epochs", "error", "status"):
            assert row[name] == other[name]
        assert row["info"]["training_loss"] == pytest.approx(other["info"]["training_loss"])
    assert together.incumbent == single.incumbent
    again = search(objective, tmp_path / "a", batch_size=9, journal=tmp_path / "a.jsonl")
    again.run()
    assert again.rows == together.rows


def test_a_search_that_was_stopped_between_two_epochs_of_a_rung_goes_on(tmp_path, monkeypatch):
    objective = VectorizedObjective(small_perceptron)
    straight = search(objective, tmp_path / "a", batch_size=9)
    straight.run()
    epochs = []

    class Interrupted(members.Stack):
        def fit_epoch(self):
            if len(epochs) == 3:
                raise KeyboardInterrupt
            super().fit_epoch()
            epochs.append(len(self.trainers))

    tuner = search(objective, tmp_path / "b", batch_size=9, journal=tmp_path / "b.jsonl")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(members, "Stack", Interrupted)
        tuner.run()
    again = search(objective, tmp_path / "b", batch_size=9, journal=tmp_path / "b.jsonl")
    again.run()
    assert len(epochs) == 3
    assert [row["error"] for row in again.rows] == [row["error"] for row in straight.rows]


@pytest.mark.filterwarnings("ignore:trial . failed")
def test_a_refused_network_is_one_failed_trial_of_its_rung(tmp_path):
    def parts(config):
        if config["momentum"] < 0.2:
            return small_perceptron({**config, "dropout": 0.5})
        return small_perceptron(config)
    tuner = search(VectorizedObjective(parts), tmp_path, batch_size=9)
    tuner.run()
    failed = [row for row in tuner.rows if row["status"] == "failed"]
    assert 0 < len(failed) < 9
    assert all(row["config"]["momentum"] < 0.2 for row in failed)
    assert all("net.3 is Dropout(p=0.5" in row["traceback"] for row in failed)


def test_journals_know_an_objective_by_what_it_trains():
    class Parts:
        def __call__(self, config):
            return small_perceptron(config)
    for parts, name in ((lenet_parts, "lenet_parts"), (partial(lenet_parts), "lenet_parts"),
                        (Parts(), Parts.__qualname__)):
        assert objective_name(VectorizedObjective(parts)) == f"VectorizedObjective({name})"


# -- what cannot be trained so --------------------------------------------------------------------

class Adam(Network):
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), self.sgd["lr"])


class Dampened(Network):
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1, momentum=0.5, dampening=0.1)


@pytest.mark.parametrize("parts, message", [
    (network(linear(), lambda: nn.Dropout(0.3)), r"net.2 is Dropout\(p=0.3"),
    (network(linear(), lambda: nn.AlphaDropout(0.3)), r"net.2 is AlphaDropout\(p=0.3"),
    (network(linear(), nn.RReLU), r"net.2 is RReLU"),
    (network(linear(), lambda: nn.BatchNorm1d(10)), r"net.2 is BatchNorm1d\(10.* nn.GroupNorm"),
    (network(linear(), lambda: nn.InstanceNorm1d(10, track_running_stats=True)),
     r"net.2 is InstanceNorm1d\(10"),
    (network(linear(), kind=Adam), "the optimizer is Adam, .* torch.optim.SGD only"),
    (network(linear(), kind=Dampened), "dampening=0.1"),
    (lambda config: small_perceptron({"learning_rate": -1}), "[Ii]nvalid learning rate"),
    (lambda config: config["depth"], "depth")])
def test_a_network_that_is_refused_is_named_and_the_others_are_trained(parts, message):
    def mixed(config):
        return parts(config) if "odd" in config else small_perceptron(config)
    results = run(mixed, [RATES[0], {**RATES[1], "odd": True}, RATES[1]], 1)
    with pytest.raises((ValueError, KeyError), match=message):
        raise results[1]
    assert [sorted(result) for result in results[::2]] == [["error", "training_loss"]] * 2
    with pytest.raises((ValueError, KeyError), match=message):
        VectorizedObjective(parts)(RATES[1])


class Noisy(nn.Module):
    """Draws random numbers, and nobody can know that from outside."""

    def forward(self, X):
        return X + 0.1 * torch.rand_like(X) if self.training else X


def test_what_no_program_can_do_is_trained_alone_with_a_warning():
    parts = network(linear(), Noisy)
    with pytest.warns(UserWarning, match="3 networks could not be trained in one program.*random"):
        results = run(parts, RATES)
    for i, config in enumerate(RATES):
        trainer = alone(parts, config, 3, i)
        assert results[i] == {"error": trainer.validation_error(),
                              "training_loss": trainer.training_loss}


@pytest.mark.parametrize("in_place", [True, False])
def test_networks_that_keep_numbers_of_their_own_are_trained_alone(in_place, sizes, tmp_path):
    parts = network(lambda: Averaging(in_place), linear())
    results = run(parts, RATES, 3, tmp_path)
    assert sizes == []
    assert_as_alone(results, parts, RATES)


@pytest.mark.parametrize(("kind", "more"), [
    (Scheduled, {}), (Weighted, {"by": "train_batch_idx"}), (Weighted, {"by": "epoch"})])
def test_networks_that_ask_their_trainer_are_trained_alone(kind, more, tmp_path):
    parts = network(linear(), kind=kind, **more)
    if more == {"by": "epoch"}:
        run(parts, RATES[:1], 1, tmp_path)  # so that the first one goes on at another epoch
    with pytest.warns(UserWarning, match="asks its trainer for (optim|train_batch_idx|epoch)"):
        results = run(parts, RATES, 3, tmp_path)
    assert_as_alone(results, parts, RATES)


def test_who_exits_fails_alone():
    def parts(config):
        if config["learning_rate"] == RATES[1]["learning_rate"]:
            raise SystemExit("no data")
        return small_perceptron(config)
    first, second, *_ = run(parts, RATES)
    assert isinstance(second, SystemExit) and first["error"] >= 0
    with pytest.raises(SystemExit, match="no data"):
        VectorizedObjective(parts)(RATES[1])


def test_a_training_that_cannot_run_fails_alone(tmp_path):
    def parts(config):
        build, data = small_perceptron(config)
        if "odd" in config:
            X, y = data.train
            data = TensorData((X, y + 5), data.val, batch_size=16)  # labels up to 14
        return build, data
    configs = [RATES[0], RATES[1], {**RATES[2], "odd": True}, RATES[1]]
    with pytest.warns(UserWarning, match="4 networks could not be trained in one program"):
        results = run(parts, configs)
    assert isinstance(results[2], Exception) and "out of bounds" in str(results[2])
    good = [0, 1, 3]
    for i in good:
        trainer = alone(parts, configs[i], 3, i)
        assert results[i]["training_loss"] == pytest.approx(trainer.training_loss, rel=1e-9)


def test_a_checkpoint_that_cannot_be_written_or_read_fails_its_own_training(tmp_path):
    (tmp_path / "damaged.pt").write_bytes(b"no checkpoint")
    paths = [tmp_path / "0.pt", tmp_path / "missing" / "1.pt", tmp_path / "2.pt",
             tmp_path / "damaged.pt"]
    results = VectorizedObjective(small_perceptron).run_batch([
        (RATES[1], {"max_epochs": 2, "seed": i, "checkpoint": path})
        for i, path in enumerate(paths)])
    assert isinstance(results[1], OSError)
    assert isinstance(results[3], ValueError) and "is damaged" in str(results[3])
    for i in (0, 2):
        trainer = alone(small_perceptron, RATES[1], 2, i)
        assert results[i]["error"] == trainer.validation_error()


def test_ctrl_c_is_for_the_tuner():
    def parts(config):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        VectorizedObjective(parts)(RATES[0])


@pytest.mark.parametrize("arguments, error, message", [
    (("lenet",), TypeError, "parts is 'lenet', expected a function"),
    ((small_lenet, "nowhere"), ValueError, "device is 'nowhere'.*give 'cpu'"),
    ((small_lenet, "cuda:77"), ValueError, "device is 'cuda:77'.*give 'cpu'")])
def test_arguments_that_cannot_work_are_refused_at_once(arguments, error, message):
    with pytest.raises(error, match=message):
        VectorizedObjective(*arguments)


def test_other_data_than_tensors_are_refused():
    def parts(config):
        return small_perceptron(config)[0], [1, 2]
    with pytest.raises(TypeError, match="expected TensorData"):
        VectorizedObjective(parts)(RATES[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_results_are_those_of_the_processor(tmp_path):
    configs = [*RATES, {"learning_rate": 1e200}]
    calls = [(config, {"max_epochs": 3, "seed": i, "checkpoint": tmp_path / f"{i}.pt"})
             for i, config in enumerate(configs)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = VectorizedObjective(small_lenet, device="cuda").run_batch(calls)
    for result, other in zip(results[:3], run(small_lenet, RATES), strict=True):
        assert result["training_loss"] == pytest.approx(other["training_loss"], rel=1e-6)
    assert math.isnan(results[3]["error"])
    assert not torch.load(tmp_path / "0.pt", weights_only=True)["model"]["net.0.weight"].is_cpu


def test_shapes_are_equal_for_equal_networks_only():
    def shape(**config):
        trainer, found = prepared(*small_lenet({"learning_rate": 0.1, **config}),
                                  torch.device("cpu"), {})
        assert found == shape_of(trainer, data_of(config))
        return found
    same = shape()
    assert same == shape(learning_rate=3.0, momentum=0.5, weight_decay=1.0)
    assert all(same != shape(**other) for other in (
        {"width": 2}, {"activation": "tanh"}, {"batch_size": 17}))
    assert CLOSE["rtol"] < 1e-6
