"""Hypergradients against closed forms, finite differences and torch's own automatic ones."""
import math

import pytest
import torch

from d2l_hpo import hypergradient, unrolled_loss

MODES = pytest.mark.parametrize("mode", ["reverse", "forward"])
VALUES = {"learning_rate": 0.1, "weight_decay": 0.01}


def quadratic(curvature=2.0, start=3.0, steps=4):
    """Half of curvature times w squared, from `start`; validation is w squared."""
    def train_loss(params, batch):
        return 0.5 * curvature * params["w"] ** 2

    def val_loss(params):
        return params["w"] ** 2
    start = torch.tensor(start, dtype=torch.double)
    return {"w": start}, train_loss, val_loss, [None] * steps


def network(steps, seed=0, width=5):
    """A small network with tanh on random data, in double precision."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.double)
    params = {"A": draw(3, width), "b": draw(width), "c": draw(width)}

    def loss(params, batch):
        inputs, targets = batch
        hidden = torch.tanh(inputs @ params["A"] + params["b"])
        return ((hidden @ params["c"] - targets) ** 2).mean()
    batches, validation = [(draw(8, 3), draw(8)) for _ in range(steps)], (draw(20, 3), draw(20))
    return params, loss, lambda params: loss(params, validation), batches


@MODES
@pytest.mark.parametrize(("rate", "decay", "steps"), [(0.1, 0.01, 1), (0.3, 0.2, 7), (0.0, 0.0, 3),
                                                     (0.9, 0.5, 20)])
def test_a_quadratic_has_a_closed_form(rate, decay, steps, mode):
    derivatives, value = hypergradient({"learning_rate": rate, "weight_decay": decay},
                                       *quadratic(2.0, 3.0, steps), mode=mode)
    factor = 1 - rate * (2.0 + decay)
    assert value == pytest.approx(9 * factor ** (2 * steps), rel=1e-12)
    outer = 18 * steps * factor ** (2 * steps - 1)
    assert float(derivatives["learning_rate"]) == pytest.approx(-outer * (2.0 + decay), rel=1e-10)
    assert float(derivatives["weight_decay"]) == pytest.approx(-outer * rate, rel=1e-10, abs=1e-12)


@MODES
@pytest.mark.parametrize("steps", [1, 5, 30])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_network_agrees_with_finite_differences(steps, seed, mode):
    problem = network(steps, seed)
    derivatives, value = hypergradient(VALUES, *problem, mode=mode)
    assert value == pytest.approx(hypergradient(VALUES, *problem)[1], rel=1e-12)
    for name, center in VALUES.items():
        up, down = (hypergradient({**VALUES, name: center + sign * 1e-6}, *problem)[1]
                    for sign in (1, -1))
        assert float(derivatives[name]) == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-8)


def test_it_agrees_with_the_gradient_of_a_loop_of_torchs_own_sgd_steps():
    params, loss, val_loss, batches = network(6)
    rate, decay = (torch.tensor(VALUES[name], dtype=torch.double, requires_grad=True)
                   for name in VALUES)
    weights = {name: value.clone().requires_grad_() for name, value in params.items()}
    for batch in batches:
        total = loss(weights, batch) + decay / 2 * sum((w ** 2).sum() for w in weights.values())
        slopes = torch.autograd.grad(total, [*weights.values()], create_graph=True)
        weights = {name: w - rate * slope
                   for (name, w), slope in zip(weights.items(), slopes, strict=True)}
    expected = torch.autograd.grad(val_loss(weights), [rate, decay])
    derivatives, _ = hypergradient(VALUES, params, loss, val_loss, batches)
    torch.testing.assert_close(list(derivatives.values()), list(expected), rtol=1e-10, atol=1e-12)


def test_the_unrolled_loss_is_that_of_training_with_torchs_sgd():
    params, loss, val_loss, batches = network(5)
    weights = {name: torch.nn.Parameter(value.clone()) for name, value in params.items()}
    sgd = torch.optim.SGD(weights.values(), lr=0.1, weight_decay=0.01)
    for batch in batches:
        sgd.zero_grad()
        loss(weights, batch).backward()
        sgd.step()
    tensors = {name: torch.tensor(value, dtype=torch.double) for name, value in VALUES.items()}
    value = unrolled_loss(tensors, params, loss, val_loss, batches)
    assert float(value) == pytest.approx(float(val_loss(weights).detach()), rel=1e-12)


@MODES
def test_a_rate_for_each_step_has_a_derivative_for_each(mode):
    problem, rates = network(4), [0.1, 0.2, 0.05, 0.0]
    derivatives, _ = hypergradient({"learning_rate": rates, "weight_decay": 0.01}, *problem,
                                   mode=mode)
    assert derivatives["learning_rate"].shape == (4,)
    for step in range(4):
        sides = []
        for sign in (1, -1):
            moved = list(rates)
            moved[step] = abs(moved[step] + sign * 1e-6) if step < 3 else max(0, sign) * 1e-6
            sides.append(hypergradient({"learning_rate": moved, "weight_decay": 0.01}, *problem)[1])
        width = 2e-6 if step < 3 else 1e-6
        assert float(derivatives["learning_rate"][step]) == pytest.approx(
            (sides[0] - sides[1]) / width, rel=1e-4, abs=1e-6)


def test_equal_rates_for_all_steps_have_derivatives_that_add_up():
    problem = network(4)
    one, value = hypergradient(VALUES, *problem)
    each, same = hypergradient({**VALUES, "learning_rate": [0.1] * 4}, *problem)
    assert value == pytest.approx(same, rel=1e-14)
    total = float(each["learning_rate"].sum())
    assert total == pytest.approx(float(one["learning_rate"]), rel=1e-10)


def test_single_precision_stays_single():
    params, loss, val_loss, batches = network(3)
    params = {name: value.float() for name, value in params.items()}
    batches = [tuple(part.float() for part in batch) for batch in batches]
    derivatives, _ = hypergradient(VALUES, params, loss, lambda p: loss(p, batches[0]), batches)
    assert {value.dtype for value in derivatives.values()} == {torch.float32}


def test_arguments_are_not_changed():
    params, loss, val_loss, batches = network(3)
    before, values = {name: value.clone() for name, value in params.items()}, dict(VALUES)
    hypergradient(values, params, loss, val_loss, batches)
    assert values == VALUES
    assert all(torch.equal(params[name], before[name]) for name in before)


@pytest.mark.parametrize(("change", "message"), [
    ({"learning_rate": math.nan}, r"learning_rate is nan, expected a finite number"),
    ({"learning_rate": -0.1}, r"learning_rate is -0.1, expected a finite number of at least 0"),
    ({"weight_decay": math.inf}, r"weight_decay is inf, expected"),
    ({"learning_rate": [0.1, 0.1]}, r"learning_rate is \[0.1, 0.1\], .* one for each batch"),
    ({"weight_decay": [0.1] * 4}, r"weight_decay is \[0.1, 0.1, 0.1, 0.1\], expected"),
    ({"momentum": 0.9}, r"hyperparameters are \['learning_rate', 'weight_decay', 'momentum'\], "
                        "expected learning_rate and weight_decay"),
])
def test_bad_hyperparameters(change, message):
    with pytest.raises(ValueError, match=message):
        hypergradient({**VALUES, **change}, *quadratic())


def test_a_missing_hyperparameter_no_batches_no_params_and_a_bad_mode():
    with pytest.raises(ValueError, match=r"hyperparameters are \['learning_rate'\], expected"):
        hypergradient({"learning_rate": 0.1}, *quadratic())
    with pytest.raises(ValueError, match="there are 1 params and 0 batches; give at least one"):
        hypergradient(VALUES, *quadratic(steps=0))
    with pytest.raises(ValueError, match="there are 0 params and 4 batches; give at least one"):
        hypergradient(VALUES, {}, *quadratic()[1:])
    with pytest.raises(ValueError, match="mode is 'backward', expected 'reverse' or 'forward'"):
        hypergradient(VALUES, *quadratic(), mode="backward")
