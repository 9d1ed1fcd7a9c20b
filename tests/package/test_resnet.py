"""ResNet-18 on small images: layers, augmentation, schedule, checkpoints, objective."""
import math

import numpy as np
import pytest
import torch
from small_training import learned, on_the_cpu  # noqa: F401 - an autouse fixture
from torch import nn

from d2l_hpo import (
    CIFAR10, FashionMNIST, Network, ResNet18, TensorData, hpo_objective_resnet18, reproducible,
    train_resnet18,
)
from d2l_hpo.training import AugmentedData, StepTrainer, crop_and_flip, resnet, small_images

CONFIG = {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4, "batch_size": 8}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(n=20, channels=1, side=8):
    """Random images, small enough for a ResNet on one core."""
    X = torch.rand(n, channels, side, side, generator=seeded())
    y = torch.randint(10, (n,), generator=seeded(1))
    return TensorData((X[:-6], y[:-6]), (X[-6:-3], y[-6:-3]), (X[-3:], y[-3:]))


# -- the network ----------------------------------------------------------------------------------

@pytest.mark.parametrize(("channels", "side", "parameters"), [(1, 28, 11_172_810),
                                                              (3, 32, 11_173_962)])
def test_the_network_is_resnet18_whose_first_layers_keep_the_size(channels, side, parameters):
    model = ResNet18(channels, 0.1, 0.9, 5e-4)
    assert sum(part.numel() for part in model.parameters()) == parameters
    normalise, net = model.net
    stem = net.maxpool(net.relu(net.bn1(net.conv1(torch.zeros(1, channels, side, side)))))
    assert stem.shape == (1, 64, side, side)
    assert model.eval()(torch.zeros(2, channels, side, side)).shape == (2, 10)
    mean, deviation = model.moments[channels]
    pixels = torch.tensor(mean).reshape(1, -1, 1, 1) + torch.tensor(deviation).reshape(1, -1, 1, 1)
    assert torch.allclose(normalise(pixels.expand(1, -1, 4, 4)), torch.ones(1, channels, 4, 4))


def test_moments_are_those_of_the_pixels():
    pool = FashionMNIST(val_fraction=0).train[0]
    (mean,), (deviation,) = ResNet18.moments[1]
    assert (float(pool.mean()), float(pool.std())) == pytest.approx((mean, deviation), abs=1e-3)


@pytest.mark.skipif(not CIFAR10.is_on_disk(), reason="needs CIFAR-10 on disk")
def test_moments_are_those_of_cifar10s_pixels():
    pool = CIFAR10(val_fraction=0).train[0]
    found = pool.mean(dim=(0, 2, 3)).tolist(), pool.std(dim=(0, 2, 3)).tolist()
    np.testing.assert_allclose(found, ResNet18.moments[3], atol=1e-4)


# -- augmentation ---------------------------------------------------------------------------------

def views(image, padding):
    """All crops of a padded image and of its mirror image, as bytes."""
    padded = nn.functional.pad(image, [padding] * 4)
    height, width = image.shape[-2:]
    return {view.contiguous().numpy().tobytes(): (top, left, mirrored)
            for top in range(2 * padding + 1) for left in range(2 * padding + 1)
            for crop in [padded[:, top:top + height, left:left + width]]
            for mirrored, view in ((False, crop), (True, crop.flip(-1)))}


@pytest.mark.parametrize(("shape", "padding"), [((1, 5, 7), 2), ((3, 6, 6), 1)])
def test_images_are_shifted_and_mirrored_as_a_whole(shape, padding):
    images = torch.rand(40, *shape, generator=seeded()) + 0.1
    found = crop_and_flip(images, padding, seeded(1))
    assert found.shape == images.shape and found.is_contiguous()
    chosen = [views(image, padding)[crop.numpy().tobytes()]
              for image, crop in zip(images, found, strict=True)]
    assert len(set(chosen)) > 10
    assert {top for top, _, _ in chosen} == {left for _, left, _ in chosen} == {
        *range(2 * padding + 1)}
    assert 10 < sum(mirrored for _, _, mirrored in chosen) < 30


def test_the_same_generator_gives_the_same_views():
    images = torch.rand(8, 1, 8, 8, generator=seeded())
    first, again, other = (crop_and_flip(images, 4, seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("padding", [0, -1, 1.5])
def test_padding_must_be_a_positive_integer(padding):
    with pytest.raises(ValueError, match=f"padding is {padding}"):
        crop_and_flip(torch.zeros(1, 1, 4, 4), padding, seeded())


def test_only_training_images_are_changed_and_anew_in_each_epoch():
    plain = tiny()
    data = AugmentedData(plain.train, plain.val, plain.test, batch_size=5)
    for loader, (X, y) in zip((data.val_dataloader(), data.test_dataloader()),
                              (plain.val, plain.test), strict=True):
        [(images, labels)] = loader
        assert torch.equal(images, X) and torch.equal(labels, y)
    loader, reference = data.train_dataloader(), plain.train_dataloader()
    reference.batch_size = 5

    def epoch(seed, number):
        loader.set_epoch(seed, number)
        reference.set_epoch(seed, number)
        changed, original = list(loader), list(reference)
        assert all(torch.equal(a[1], b[1]) for a, b in zip(changed, original, strict=True))
        assert not torch.equal(changed[0][0], original[0][0])
        return torch.cat([X for X, _ in changed])
    first, again, later, other = (epoch(*at) for at in ((0, 0), (0, 0), (0, 1), (1, 0)))
    assert torch.equal(first, again)
    assert not torch.equal(first, later) and not torch.equal(first, other)
    next_pass = torch.cat([X for X, _ in loader])  # goes on with epoch 1 of seed 1
    assert torch.equal(next_pass, epoch(1, 1))


# -- schedule and checkpoints ---------------------------------------------------------------------

class Noting(StepTrainer):
    """Notes the learning rate of each epoch."""

    def fit_epoch(self):
        super().fit_epoch()
        self.rates = [*getattr(self, "rates", []), self.optim.param_groups[0]["lr"]]


def linear_run(stop, path=None):
    with reproducible(0):
        model = Network(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), 0.2, momentum=0.5)
    trainer = Noting(stop, path)
    trainer.fit(model, tiny())
    return trainer


def test_the_schedule_is_that_of_pytorch():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [25, 40], 0.1)
    expected = []
    for _ in range(45):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    rates = linear_run(45).rates
    assert rates == pytest.approx(expected)
    assert rates[24:26] == pytest.approx([0.2, 0.02])
    assert rates[39:41] == pytest.approx([0.02, 0.002])


def test_the_schedule_does_not_depend_on_where_training_stops(tmp_path):
    for stop in (1, 24, 25, 26, 40):
        linear_run(stop, tmp_path / "a.pt")
    resumed, straight = linear_run(43, tmp_path / "a.pt"), linear_run(43)
    assert resumed.rates == straight.rates[40:]
    assert learned(resumed) == learned(straight)


@pytest.mark.parametrize("stops", [[2], [1, 2]])
def test_resuming_equals_not_stopping_bit_for_bit(stops, tmp_path):
    for stop in stops:
        train_resnet18(CONFIG, stop, tmp_path / "a.pt", seed=3, data=tiny())
    resumed = train_resnet18(CONFIG, 3, tmp_path / "a.pt", seed=3, data=tiny())
    straight = train_resnet18(CONFIG, 3, seed=3, data=tiny())
    assert resumed.epoch == 3
    assert learned(resumed) == learned(straight)


def test_training_does_not_change_the_given_data():
    data = tiny()
    before = [part.clone() for pair in (data.train, data.val) for part in pair]
    train_resnet18(CONFIG, 1, data=data)
    after = [part for pair in (data.train, data.val) for part in pair]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


# -- the objective --------------------------------------------------------------------------------

def test_it_learns_from_a_few_hundred_images():
    images = FashionMNIST()
    data = TensorData(*((X[:200], y[:200]) for X, y in (images.train, images.val)))
    result = hpo_objective_resnet18({**CONFIG, "learning_rate": 0.003}, max_epochs=3, data=data)
    assert result["error"] < 0.7  # guessing has 0.9
    assert result["error"] * 200 == pytest.approx(round(result["error"] * 200))
    assert 0 < result["training_loss"] < math.log(10)


def test_everything_is_passed_on(monkeypatch, tmp_path):
    monkeypatch.setattr(resnet, "small_images", tiny)
    result = hpo_objective_resnet18(dict(CONFIG), 2, tmp_path / "a.pt", seed=7)
    trainer = train_resnet18(CONFIG, 2, seed=7, data=tiny())
    assert result == {"error": trainer.validation_error(), "training_loss": trainer.training_loss}
    assert (tmp_path / "a.pt").exists()
    assert trainer.train_dataloader.batch_size == 8
    assert trainer.model.sgd == {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}


def test_a_diverged_training_has_no_error():
    error = hpo_objective_resnet18({**CONFIG, "learning_rate": 1e30}, 2, data=tiny())["error"]
    assert math.isnan(error)


def test_cifar10_is_used_only_where_it_is_on_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("D2L_HPO_DATA", str(tmp_path))
    assert not CIFAR10.is_on_disk()
    assert isinstance(small_images(), FashionMNIST)
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert CIFAR10.is_on_disk()
    with pytest.raises(RuntimeError, match="holds no complete CIFAR10"):
        small_images()


def test_colour_images_are_trained_on(tmp_path):
    trainer = train_resnet18(CONFIG, 1, data=tiny(channels=3))
    assert trainer.model.net[1].conv1.in_channels == 3
    assert 0 <= trainer.validation_error() <= 1


# -- bad input ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("config", "message"), [
    ({}, "hyperparameter 'learning_rate' is missing"),
    ({**CONFIG, "width": 2}, "unknown hyperparameter 'width'"),
    ({**CONFIG, "batch_size": 0}, "batch_size is 0, expected a positive integer"),
    ({**CONFIG, "batch_size": 2.5}, "batch_size is 2.5"),
])
def test_a_bad_hyperparameter_is_named(config, message):
    with pytest.raises(ValueError, match=message):
        hpo_objective_resnet18(config, 1, data=tiny())


@pytest.mark.parametrize("data", [
    "cifar", TensorData(tiny().train), TensorData((torch.zeros(4, 8), torch.zeros(4, dtype=int)),
                                                  (torch.zeros(4, 8), torch.zeros(4, dtype=int)))])
def test_data_must_be_images_with_a_validation_set(data):
    with pytest.raises(ValueError, match="data is .*, expected TensorData of images"):
        hpo_objective_resnet18(CONFIG, 1, data=data)


def test_images_of_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"images have 2 channels, expected 3 \(CIFAR-10\) or 1"):
        hpo_objective_resnet18(CONFIG, 1, data=tiny(channels=2))


@pytest.mark.parametrize("max_epochs", [0, 1.5])
def test_max_epochs_must_be_a_positive_integer(max_epochs):
    with pytest.raises(ValueError, match="max_epochs is"):
        hpo_objective_resnet18(CONFIG, max_epochs, data=tiny())
