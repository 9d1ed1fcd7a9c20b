"""Data sets: splits, loaders, and damaged files of the embedded images."""
import pytest
import torch

from d2l_hpo.training import images
from d2l_hpo.training.datasets import FashionMNIST, ShuffledLoader, TensorData, d2l


def image_bytes(pair):
    return {image.numpy().tobytes() for image in pair[0]}


def numbered(n, batch_size=4, **others):
    """Data whose inputs and labels are 0..n-1."""
    X = torch.arange(n)
    return TensorData((X[:, None].float(), X), batch_size=batch_size, **others)


# -- the embedded Fashion-MNIST -------------------------------------------------------------------

def test_small_fashion_mnist_has_the_promised_shapes_and_types():
    data = FashionMNIST()
    lengths = {"train": 6000, "val": 2000, "test": 2000}
    for name, n in lengths.items():
        X, y = getattr(data, name)
        assert X.shape == (n, 1, 28, 28)
        assert (X.dtype, y.dtype, y.shape) == (torch.float32, torch.int64, (n,))
        assert (X.min(), X.max()) == (0, 1)
        assert sorted(y.unique().tolist()) == list(range(10))
    assert data.text_labels([0, 9, torch.tensor(1)]) == ["t-shirt", "ankle boot", "trouser"]


@pytest.mark.parametrize("seed", [0, 1])
def test_training_validation_and_test_images_are_disjoint(seed):
    data = FashionMNIST(val_fraction=0.5, seed=seed)
    train, val, test = map(image_bytes, (data.train, data.val, data.test))
    assert (len(train), len(val), len(test)) == (4000, 4000, 2000)
    assert not train & val
    assert not (train | val) & test


def test_the_seed_decides_the_split_and_the_test_set_stays():
    one, same, other = FashionMNIST(seed=1), FashionMNIST(seed=1), FashionMNIST(seed=2)
    assert torch.equal(one.val[0], same.val[0])
    assert torch.equal(one.train[1], same.train[1])
    assert image_bytes(one.val) != image_bytes(other.val)
    assert torch.equal(one.test[0], other.test[0])


def test_without_validation_the_whole_pool_is_for_training():
    data = FashionMNIST(val_fraction=0)
    assert len(data.train[1]) == 8000
    assert data.val is None
    assert data.val_dataloader() is None


def test_changing_one_data_set_leaves_the_next_as_it_was():
    first = FashionMNIST()
    before = first.train[0].clone()
    first.train[0].zero_()
    first.test[0].zero_()
    again = FashionMNIST()
    assert torch.equal(again.train[0], before)
    assert again.test[0].max() == 1


@pytest.mark.parametrize("damage", [
    lambda content: content[:-1000],
    lambda content: b"",
    lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, monkeypatch, damage):
    copy = tmp_path / "copy.npz"
    copy.write_bytes(damage(images.EMBEDDED.read_bytes()))
    monkeypatch.setattr(images, "EMBEDDED", copy)
    with pytest.raises(ValueError, match="copy.npz is damaged or truncated.*install d2l_hpo again"):
        FashionMNIST()


def test_a_missing_file_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "EMBEDDED", tmp_path / "gone.npz")
    with pytest.raises(FileNotFoundError, match="gone.npz is missing; install d2l_hpo again"):
        FashionMNIST()


@pytest.mark.parametrize(("settings", "message"), [
    ({"size": "medium"}, "size is 'medium', expected 'small' or 'full'"),
    ({"batch_size": 0}, "batch_size is 0, expected a positive integer"),
    ({"batch_size": 64.0}, "batch_size is 64.0"),
    ({"batch_size": True}, "batch_size is True"),
    ({"val_fraction": 1}, r"val_fraction is 1, expected a number in \[0, 1\)"),
    ({"val_fraction": -0.1}, "val_fraction is -0.1"),
    ({"val_fraction": float("nan")}, "val_fraction is nan"),
    ({"val_fraction": 1e-5}, "leaves no image for validation"),
    ({"val_fraction": 0.99999}, "leaves no image for training"),
    ({"seed": None}, "seed is None, expected an integer of at least 0"),
])
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        FashionMNIST(**settings)


# -- loaders --------------------------------------------------------------------------------------

@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (8, 4), (3, 5), (1, 1)])
def test_a_pass_covers_each_example_once_with_its_label(n, batch_size):
    loader = numbered(n, batch_size).train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader) == -(-n // batch_size)
    assert all(len(y) == batch_size for _, y in batches[:-1])
    assert all(torch.equal(X[:, 0], y.float()) for X, y in batches)
    assert sorted(torch.cat([y for _, y in batches]).tolist()) == list(range(n))


def order(loader):
    return torch.cat([y for _, y in loader]).tolist()


def test_the_order_depends_on_seed_and_epoch_alone():
    loader = numbered(50).train_dataloader()
    loader.set_epoch(seed=3, epoch=0)
    torch.manual_seed(0)
    epochs = [order(loader) for _ in range(3)]
    resumed = numbered(50, batch_size=7).train_dataloader()
    resumed.set_epoch(seed=3, epoch=2)
    torch.manual_seed(1)
    assert order(resumed) == epochs[2]
    resumed.set_epoch(seed=4, epoch=2)
    assert len({*map(tuple, epochs), tuple(order(resumed)), tuple(range(50))}) == 5


def test_shuffling_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    order(numbered(50).train_dataloader())
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(("seed", "epoch"), [(-1, 0), (0, -1), (0.5, 0), (0, None)])
def test_a_bad_seed_or_epoch_is_an_error(seed, epoch):
    loader = ShuffledLoader((torch.zeros(3), torch.zeros(3)), 2)
    with pytest.raises(ValueError, match="expected an integer of at least 0"):
        loader.set_epoch(seed, epoch)


def test_evaluation_loaders_keep_the_order_in_large_batches():
    pair = (torch.arange(2500.0), torch.arange(2500))
    data = TensorData(pair, val=pair, test=pair, batch_size=8)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert len(loader) == 3
        assert [len(y) for _, y in loader] == [1000, 1000, 500]
        assert order(loader) == list(range(2500))


def test_bad_tensors_are_errors():
    with pytest.raises(ValueError, match="train has 3 inputs and 2 labels"):
        TensorData((torch.zeros(3), torch.zeros(2)))
    with pytest.raises(ValueError, match="val has 0 inputs"):
        TensorData((torch.zeros(3), torch.zeros(3)), val=(torch.zeros(0), torch.zeros(0)))
    with pytest.raises(ValueError, match="no test examples"):
        numbered(3).test_dataloader()


def test_to_moves_all_tensors_and_returns_the_data():
    data = numbered(5, val=(torch.zeros(2), torch.zeros(2)))
    assert data.to("meta") is data
    assert {tensor.device.type for pair in (data.train, data.val) for tensor in pair} == {"meta"}
    assert data.test is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_on_a_gpu_are_those_on_the_cpu():
    on_gpu = order(numbered(50).to("cuda").train_dataloader())
    assert on_gpu == order(numbered(50).train_dataloader())


def test_d2l_trainer_trains_on_the_data():
    torch.manual_seed(0)
    model = d2l.SoftmaxRegression(num_outputs=10, lr=0.1)
    model.plot = lambda *args, **kwargs: None
    trainer, data = d2l.Trainer(max_epochs=1), FashionMNIST(batch_size=64)
    trainer.fit(model, data)
    assert (trainer.train_batch_idx, trainer.val_batch_idx) == (94, 2)
    X, y = data.val
    assert (model(X).argmax(1) == y).float().mean() > 0.6
