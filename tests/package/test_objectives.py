"""The trainer, models and objectives: exact errors, reproducibility, divergence, bad input."""
import gc
import math
import weakref

import numpy as np
import pytest
import torch
from small_training import (
    examples,
    failing,
    lenet,
    on_the_cpu,  # noqa: F401 - an autouse fixture
    small_data,
    softmax,
    state,
    with_dropout,
)
from torch import nn

from d2l_hpo import (
    HPOTrainer, LeNet, TensorData, hpo_objective_lenet, hpo_objective_softmax_classification,
    reproducible, train_lenet,
)
from d2l_hpo.training import objectives, read_config, train_model
from d2l_hpo.training.datasets import d2l


class PlainData(d2l.DataModule):
    """The small data as d2l knows it: torch's own loaders, shuffled by the global generator."""

    def __init__(self):
        super().__init__(num_workers=0)
        self.batch_size = 16

    def get_dataloader(self, train):
        return self.get_tensorloader(examples(50 if train else 13, seed=int(not train)), train)


# -- the error ------------------------------------------------------------------------------------

def test_the_error_is_exact_over_examples_and_no_mean_of_batch_means():
    trainer = train_model(softmax, small_data(n_val=2345), 1)  # batches of 1000, 1000 and 345
    X, y = (part.numpy() for part in examples(2345, seed=1))
    weight, bias = (part.detach().double().numpy() for part in trainer.model.parameters())
    wrong = (X.reshape(2345, -1) @ weight.T + bias).argmax(1) != y
    assert trainer.validation_error() == wrong.sum() / 2345
    batches = [part.mean() for part in np.split(wrong, [1000, 2000])]
    assert abs(np.mean(batches) - trainer.validation_error()) > 1e-3
    for n in range(1, 50):
        assert trainer.error([(torch.from_numpy(X[:n]), torch.from_numpy(y[:n]))]) == \
            wrong[:n].sum() / n


def test_the_error_is_measured_in_evaluation_mode():
    trainer = train_model(with_dropout, small_data(), 1)
    assert trainer.validation_error() == trainer.validation_error()
    assert not trainer.model.training


def test_data_without_validation_examples_have_no_validation_error():
    trainer = train_model(softmax, TensorData(examples(20)), 1)
    with pytest.raises(ValueError, match="no validation examples.*val_fraction > 0"):
        trainer.validation_error()


def test_the_training_loss_is_the_mean_over_examples():
    data = TensorData(examples(50), batch_size=32)  # the last batch has 18 examples
    with reproducible(3):
        model = softmax()
        model(data.train[0][:1])
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    model.lr = 0.0
    trainer = HPOTrainer(1)
    trainer.fit(model, data)
    assert trainer.training_loss == pytest.approx(math.log(10), rel=1e-6)
    model.loss = lambda y_hat, y: d2l.Classifier.loss(model, y_hat, y) * 0 + len(y)
    trainer.fit(model, data)
    assert trainer.training_loss == pytest.approx((32 * 32 + 18 * 18) / 50)


# -- reproducibility ------------------------------------------------------------------------------

@pytest.mark.parametrize("build", [softmax, lenet, with_dropout])
def test_the_same_seed_gives_the_same_bits_whatever_ran_before(build):
    one = train_model(build, small_data(), 2, seed=4)
    torch.rand(100)
    torch.set_num_threads(2)
    same, other = (train_model(build, small_data(), 2, seed=seed) for seed in (4, 5))
    assert state(one) == state(same)
    assert (one.validation_error(), one.training_loss) == (same.validation_error(),
                                                           same.training_loss)
    for key, value in state(one).items():
        assert value != state(other)[key]


def test_the_same_data_object_can_be_trained_on_again():
    data = small_data()
    assert state(train_model(lenet, data, 2)) == state(train_model(lenet, data, 2))


@pytest.mark.parametrize("build", [softmax, failing])
def test_threads_and_random_numbers_are_as_before(build):
    torch.set_num_threads(2)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    if build is failing:
        with pytest.raises(RuntimeError, match="no training step"):
            train_model(build, small_data(), 1)
    else:
        train_model(build, small_data(), 1).validation_error()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == 2


def test_training_runs_in_training_mode_and_all_of_it_on_one_thread():
    seen = []
    model = with_dropout()
    model.register_forward_hook(
        lambda *_: seen.append((model.training, torch.get_num_threads())))
    torch.set_num_threads(2)
    trainer = HPOTrainer(2)
    trainer.fit(model, small_data())
    trainer.validation_error()
    create, evaluate = (False, 1), (False, 1)
    assert seen == [create, *[(True, 1)] * 8, evaluate]


@pytest.mark.parametrize("build", [softmax, lenet, with_dropout])
def test_a_trainer_that_nobody_uses_is_gone_at_once(build):
    collect = gc.isenabled()
    gc.disable()  # what is part of a cycle of references stays
    try:
        trainer = train_model(build, small_data(), 1)
        assert 0 <= trainer.validation_error() <= 1
        kept = [weakref.ref(each) for each in (trainer, trainer.model, trainer.train_dataloader)]
        del trainer
        assert [each() for each in kept] == [None] * 3
    finally:
        if collect:
            gc.enable()


def test_loaders_of_torch_work_too_and_are_reproducible(tmp_path):
    straight, same = (train_model(lenet, PlainData(), 3, seed=2) for _ in range(2))
    train_model(lenet, PlainData(), 1, tmp_path / "a.pt", seed=2)
    resumed = train_model(lenet, PlainData(), 3, tmp_path / "a.pt", seed=2)
    assert state(straight) == state(same) == state(resumed)
    assert 0 <= straight.validation_error() <= 1
    assert straight.validation_error() * 13 == pytest.approx(
        round(straight.validation_error() * 13))


# -- divergence -----------------------------------------------------------------------------------

@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_training_early(loss):
    def build():
        model = softmax()
        model.loss = lambda y_hat, y: d2l.Classifier.loss(model, y_hat, y) * loss
        return model
    trainer = train_model(build, small_data(), 5)
    assert trainer.epoch == 1
    assert math.isnan(trainer.validation_error())


def test_a_learning_rate_far_too_large_diverges():
    trainer = train_model(lambda: LeNet(1e10, momentum=0.9), small_data(), 5)
    assert trainer.epoch < 5
    assert math.isnan(trainer.validation_error())


def test_divergence_in_the_very_last_step_is_noticed():
    trainer = train_model(lambda: LeNet(1e30), small_data(batch_size=50), 1)
    assert math.isfinite(trainer.training_loss)  # measured before the step that went too far
    assert math.isnan(trainer.validation_error())


# -- bad input ------------------------------------------------------------------------------------

@pytest.mark.parametrize("max_epochs", [0, -1, 2.5, 3.0, True, "3", None, math.nan])
def test_max_epochs_must_be_a_positive_integer(max_epochs):
    with pytest.raises(ValueError, match="max_epochs is .*, expected a positive integer") as error:
        HPOTrainer(max_epochs)
    assert repr(max_epochs) in str(error.value)
    with pytest.raises(ValueError, match="max_epochs is"):
        hpo_objective_softmax_classification({"learning_rate": 0.1}, max_epochs)


def test_max_epochs_may_be_an_integer_of_numpy():
    trainer = HPOTrainer(np.int64(2))
    assert (trainer.max_epochs, type(trainer.max_epochs)) == (2, int)


def test_read_config_completes_and_leaves_its_arguments_alone():
    config, defaults = {"a": 1, "c": 5}, {"b": 2, "c": 3}
    assert read_config(config, ["a"], defaults) == {"a": 1, "b": 2, "c": 5}
    assert (config, defaults) == ({"a": 1, "c": 5}, {"b": 2, "c": 3})


@pytest.mark.parametrize(("config", "message"), [
    ({"a": 1, "lr": 2}, r"unknown hyperparameter 'lr'; this objective knows \['a', 'b'\]"),
    ({"b": 1}, "hyperparameter 'a' is missing from {'b': 1}"),
    ({}, "hyperparameter 'a' is missing"),
])
def test_read_config_names_what_is_unknown_or_missing(config, message):
    with pytest.raises(ValueError, match=message):
        read_config(config, ["a"], {"b": 2})


@pytest.mark.parametrize(("settings", "message"), [
    ({"activation": "swish"}, "activation is 'swish', expected one of .'relu', 'tanh', 'sigmoid'"),
    ({"activation": None}, "activation is None"),
    ({"width": 0}, "width is 0, expected a positive integer"),
    ({"width": -2}, "width is -2"),
    ({"width": 1.5}, "width is 1.5, expected a positive integer"),
    ({"width": "2"}, "width is '2', expected a positive integer"),
])
def test_lenet_names_a_bad_setting(settings, message):
    with pytest.raises(ValueError, match=message):
        LeNet(0.1, **settings)


@pytest.mark.parametrize(("config", "message"), [
    ({"learning_rate": 0.1}, "'batch_size' is missing"),
    ({"batch_size": 64}, "'learning_rate' is missing"),
    ({"learning_rate": 0.1, "batch_size": 64, "dropout": 0.1}, "unknown hyperparameter 'dropout'"),
    ({"learning_rate": 0.1, "batch_size": 0}, "batch_size is 0"),
])
def test_the_objective_of_lenet_names_a_bad_hyperparameter(config, message):
    with pytest.raises(ValueError, match=message):
        hpo_objective_lenet(config, 1)


# -- models, objectives, the board ----------------------------------------------------------------

@pytest.mark.parametrize(("width", "expected"), [(1, 61706), (2, 244362)])
def test_width_multiplies_channels_and_units(width, expected):
    trainer = train_model(lambda: LeNet(0.1, width=width), small_data(), 1)
    assert sum(parameter.numel() for parameter in trainer.model.parameters()) == expected


@pytest.mark.parametrize(("activation", "layer"),
                         [("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)])
def test_activation_chooses_the_layers(activation, layer):
    net = LeNet(0.1, activation=activation).net
    assert sum(isinstance(part, layer) for part in net) == 4


def test_settings_reach_the_optimizer():
    model = LeNet(0.3, momentum=0.8, weight_decay=0.01)
    model(torch.zeros(1, 1, 28, 28))
    [group] = model.configure_optimizers().param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.3, 0.8, 0.01)


def test_objectives_train_on_the_embedded_images():
    error = hpo_objective_softmax_classification({"learning_rate": 0.1}, max_epochs=1)
    assert isinstance(error, float)
    assert 0.15 < error < 0.5
    assert error * 2000 == pytest.approx(round(error * 2000))


def test_the_objective_of_lenet_passes_everything_on(monkeypatch, tmp_path):
    sizes = []

    def data(batch_size, val_fraction):
        sizes.append((batch_size, val_fraction))
        return small_data(batch_size)
    monkeypatch.setattr(objectives, "FashionMNIST", data)
    config = {"learning_rate": 0.2, "batch_size": 25, "momentum": 0.5, "weight_decay": 0.1,
              "width": 2, "activation": "tanh"}
    result = hpo_objective_lenet(dict(config), 2, tmp_path / "a.pt", seed=7)
    trainer = train_lenet(config, 2, seed=7, val_fraction=0.5)
    assert result == {"error": trainer.validation_error(), "training_loss": trainer.training_loss}
    assert (tmp_path / "a.pt").exists()
    assert sizes == [(25, 0.25), (25, 0.5)]
    assert trainer.model.sgd == {"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1}
    assert isinstance(trainer.model.net[1], nn.Tanh)


def test_the_board_draws_only_if_asked():
    model, points = lenet(), []
    model.board.draw = lambda x, y, label, every_n: points.append(label)
    HPOTrainer(1).fit(model, small_data())
    assert points == []
    HPOTrainer(1, plot=True).fit(model, small_data())
    assert points == ["train_loss"] * 4
