"""Checkpoints: resuming equals not stopping, and no interruption loses the last one."""
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from small_training import (
    examples,
    failing,
    learned,
    lenet,
    on_the_cpu,  # noqa: F401 - an autouse fixture
    small_data,
    softmax,
    with_dropout,
)

from d2l_hpo import HPOTrainer, LeNet, reproducible
from d2l_hpo.training import train_model
from d2l_hpo.training.datasets import d2l

ROOT = Path(__file__).resolve().parents[2]


# -- resuming -------------------------------------------------------------------------------------

@pytest.mark.parametrize("build", [softmax, lenet, with_dropout])
@pytest.mark.parametrize("stops", [[3], [1, 2, 8]])
def test_resuming_equals_not_stopping_bit_for_bit(build, stops, tmp_path):
    for stop in stops:
        train_model(build, small_data(), stop, tmp_path / "a.pt", seed=3)
    resumed = train_model(build, small_data(), 9, tmp_path / "a.pt", seed=3)
    straight = train_model(build, small_data(), 9, seed=3)
    assert resumed.epoch == 9
    assert learned(resumed) == learned(straight)


def test_resuming_uses_the_learning_rate_of_the_configuration(tmp_path):
    train_model(lenet, small_data(), 2, tmp_path / "a.pt")
    saved = torch.load(tmp_path / "a.pt", weights_only=True)
    resumed = train_model(lambda: LeNet(0.2, momentum=0.9), small_data(), 3, tmp_path / "a.pt")
    model, loader = lenet(), small_data().train_dataloader()
    model.load_state_dict(saved["model"])
    velocity = [saved["optimizer"][i]["momentum_buffer"] for i in range(10)]
    loader.set_epoch(seed=0, epoch=2)
    with reproducible(0):  # for its one thread
        for X, y in loader:  # SGD with momentum, written out
            gradients = torch.autograd.grad(model.loss(model.net(X), y), [*model.parameters()])
            with torch.no_grad():
                for parameter, v, gradient in zip(model.parameters(), velocity, gradients,
                                                  strict=True):
                    v.mul_(0.9).add_(gradient)
                    parameter.sub_(0.2 * v)
    assert resumed.optim.param_groups[0]["lr"] == 0.2
    for parameter, expected in zip(resumed.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(parameter, expected, rtol=1e-5, atol=1e-6)
    assert max(float(v.abs().max()) for v in velocity) > 1e-3


def test_a_trial_that_is_done_is_evaluated_without_training(tmp_path):
    path = tmp_path / "a.pt"
    trainer = HPOTrainer(2, path)
    model = failing()
    model.training_step = lambda batch: d2l.Module.training_step(model, batch)
    trainer.fit(model, small_data())
    before = path.read_bytes()
    again = train_model(failing, small_data(), 2, path)
    assert (again.epoch, again.training_loss) == (2, trainer.training_loss)
    assert again.validation_error() == trainer.validation_error()
    assert path.read_bytes() == before


def test_a_diverged_trial_stays_diverged(tmp_path):
    def build():
        return LeNet(1e10, momentum=0.9)
    first = train_model(build, small_data(), 3, tmp_path / "a.pt")
    again = train_model(build, small_data(), 9, tmp_path / "a.pt")
    assert again.epoch == first.epoch < 3
    assert again.validation_error() != again.validation_error()


def test_a_checkpoint_beyond_max_epochs_is_an_error(tmp_path):
    train_model(softmax, small_data(), 3, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="a.pt is already at epoch 3, beyond max_epochs=2; delete"):
        train_model(softmax, small_data(), 2, tmp_path / "a.pt")


# -- files ----------------------------------------------------------------------------------------

def test_a_checkpoint_holds_plain_values_and_tensors_only(tmp_path):
    trainer = train_model(lenet, small_data(), 1, str(tmp_path / "a.pt"))
    saved = torch.load(tmp_path / "a.pt", weights_only=True)
    assert set(saved) == {"epoch", "training_loss", "training_seconds", "model", "optimizer"}
    assert saved["training_seconds"] == trainer.training_seconds > 0
    assert (saved["epoch"], saved["training_loss"]) == (1, trainer.training_loss)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def damaged(content):
    """Files that are no checkpoint of a LeNet of width 1."""
    yield "empty", b""
    yield "truncated", content[:len(content) // 2]
    yield "text", b"hello, world"


@pytest.mark.parametrize("kind", ["empty", "truncated", "text", "other", "width"])
def test_a_file_that_is_no_checkpoint_of_the_model_is_named(kind, tmp_path):
    path = tmp_path / "a.pt"
    train_model(lenet, small_data(), 1, path)
    if kind == "other":
        torch.save({"weights": torch.zeros(3)}, path)
    elif kind == "width":
        path.unlink()
        train_model(lambda: LeNet(0.1, width=2), small_data(), 1, path)
    else:
        path.write_bytes(dict(damaged(path.read_bytes()))[kind])
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"a\.pt.*delete it"):
        train_model(lenet, small_data(), 2, path)
    assert path.read_bytes() == before


PRELUDE = """
import os, resource, signal, sys
from pathlib import Path
from small_training import small_data, softmax
from d2l_hpo.training import train_model
path = Path(sys.argv[1])
trainer = train_model(softmax, small_data(), 1, path)
"""


@contextmanager
def child(code, path):
    """Run Python code after PRELUDE in a process of its own, with pipes to and from it."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "",
                   "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support")))}
    with subprocess.Popen([sys.executable, "-c", PRELUDE + code, str(path)], env=environment,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


FULL_DISK = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails with EFBIG
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    train_model(softmax, small_data(), 2, path)
except OSError as error:
    print(error.strerror)
"""


def test_a_write_that_fails_leaves_the_previous_checkpoint(tmp_path):
    pytest.importorskip("resource", reason="only Unix limits the size of files")
    path = tmp_path / "a.pt"
    with child(FULL_DISK, path) as process:
        assert process.communicate()[0] == "File too large\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]
    assert path.stat().st_size > 10_000
    resumed = train_model(softmax, small_data(), 2, path)
    assert learned(resumed) == learned(train_model(softmax, small_data(), 2))


KILLED_BEFORE_REPLACING = """
def stop(number):
    print("written", flush=True)
    sys.stdin.read()  # until this process is killed
os.fsync = stop
train_model(softmax, small_data(), 2, path)
"""


def test_a_process_killed_before_the_file_is_replaced_leaves_the_previous(tmp_path):
    path = tmp_path / "a.pt"
    with child(KILLED_BEFORE_REPLACING, path) as process:
        assert process.stdout.readline() == "written\n"
    left = [entry for entry in tmp_path.iterdir() if entry != path]
    assert [entry.suffix for entry in left] == [".partial"]
    assert torch.load(path, weights_only=True)["epoch"] == 1
    resumed = train_model(softmax, small_data(), 2, path)
    assert learned(resumed) == learned(train_model(softmax, small_data(), 2))
    assert {*tmp_path.iterdir()} == {path, *left}  # no other file; a tuner removes the dead one's


SAVING_IN_A_LOOP = """
while True:
    trainer.epoch += 1
    trainer.save_checkpoint()
    print(trainer.epoch, flush=True)
"""


def test_a_process_killed_while_saving_leaves_a_complete_checkpoint(tmp_path):
    path = tmp_path / "a.pt"
    with child(SAVING_IN_A_LOOP, path) as process:
        for _ in range(20):
            reported = int(process.stdout.readline())
    assert process.returncode < 0
    saved = torch.load(path, weights_only=True)
    assert saved["epoch"] >= reported == 21
    assert saved["model"]["net.1.weight"].shape == (10, examples(1)[0].numel())
