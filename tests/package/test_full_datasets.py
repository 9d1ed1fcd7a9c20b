"""Full-size data sets: reading, downloading, and what happens without a network."""
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from d2l_hpo.training import images
from d2l_hpo.training.datasets import CIFAR10, FashionMNIST

SHARED_DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


@pytest.fixture
def data_folder(monkeypatch, tmp_path):
    folder = tmp_path / "data"
    monkeypatch.setenv("D2L_HPO_DATA", str(folder))
    return folder


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="needs the full data beside the clone")
def test_full_fashion_mnist(monkeypatch):
    monkeypatch.setenv("D2L_HPO_DATA", str(SHARED_DATA))
    data = FashionMNIST(size="full")
    assert data.train[0].shape == (45_000, 1, 28, 28)
    assert (len(data.val[1]), len(data.test[1])) == (15_000, 10_000)
    assert data.train[0].mean() == pytest.approx(0.286, abs=2e-3)
    small, full = ({image.numpy().tobytes() for image in X}
                   for X in (FashionMNIST().test[0], data.test[0]))
    assert small <= full


def refuse(*args, **kwargs):
    raise URLError("no network")


@pytest.mark.parametrize(("make", "downloader", "files"), [
    (lambda: FashionMNIST(size="full"), "mnist", "idx files, unpacked, into FashionMNIST/raw"),
    (CIFAR10, "cifar", "Python version, unpacked, into cifar-10-batches-py"),
])
def test_without_a_network_the_error_names_the_folder_and_its_content(
        monkeypatch, data_folder, make, downloader, files):
    monkeypatch.setattr(f"torchvision.datasets.{downloader}.download_and_extract_archive", refuse)
    with pytest.raises(RuntimeError, match=f"could not be downloaded.*{files}.*D2L_HPO_DATA") as e:
        make()
    assert str(data_folder) in str(e.value)
    assert list(data_folder.iterdir()) == []


def write_idx(folder, part, n):
    pictures = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    dimensions = np.array([n, 28, 28], dtype=">i4").tobytes()
    (folder / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + dimensions
                                                       + pictures.tobytes())
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + dimensions[:4]
                                                       + bytes(n))
    return pictures


@pytest.fixture
def small_archives(monkeypatch):
    """Replace downloads by archives of 20 training and 10 test images, one of which may fail."""
    monkeypatch.setitem(images.SIZES, "FashionMNIST", (20, 10))

    def fail_at(failing):
        def download(url, download_root, filename, md5):
            if filename == failing:
                refuse()
            part = filename.split("-")[0]
            write_idx(Path(download_root), part, 20 if part == "train" else 10)

        monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", download)

    fail_at(None)
    return fail_at


def test_a_missing_full_set_is_downloaded_once(small_archives, data_folder):
    data = FashionMNIST(size="full", val_fraction=0.5)
    assert (len(data.train[1]), len(data.val[1]), len(data.test[1])) == (10, 10, 10)
    assert [path.name for path in data_folder.iterdir()] == ["FashionMNIST"]
    small_archives("train-images-idx3-ubyte.gz")
    images._read_full.cache_clear()
    assert torch.equal(FashionMNIST(size="full", val_fraction=0.5).val[0], data.val[0])


def test_a_half_download_does_not_stay(small_archives, data_folder):
    small_archives("t10k-labels-idx1-ubyte.gz")
    with pytest.raises(RuntimeError, match="could not be downloaded"):
        FashionMNIST(size="full")
    assert list(data_folder.iterdir()) == []
    small_archives(None)
    assert len(FashionMNIST(size="full", val_fraction=0).train[1]) == 20


@pytest.mark.parametrize("damage", [
    lambda raw: (raw / "train-images-idx3-ubyte").write_bytes(b""),
    lambda raw: (raw / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + bytes(12)),
    lambda raw: (raw / "train-labels-idx1-ubyte").unlink(),
    lambda raw: write_idx(raw, "train", 19),
])
def test_a_damaged_full_set_is_an_error_that_names_its_folder(data_folder, small_archives, damage):
    raw = data_folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    write_idx(raw, "train", 20)
    write_idx(raw, "t10k", 10)
    damage(raw)
    with pytest.raises(RuntimeError, match="holds no complete FashionMNIST.*delete it"):
        FashionMNIST(size="full")


def test_another_process_may_download_the_same_set_first(small_archives, data_folder, monkeypatch):
    source, target = data_folder / "a", data_folder / "b"
    for folder in (source, target):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    images._move(source, target)
    assert (target / "file").exists()
    with pytest.raises(OSError, match="No such file"):
        images._move(data_folder / "c", data_folder / "d")


def test_cifar10_is_float_with_channels_first(monkeypatch, data_folder):
    class Fake:
        def __init__(self, root, train):
            n = 20 if train else 10
            self.targets = [i % 10 for i in range(n)]
            self.data = np.zeros((n, 32, 32, 3), dtype=np.uint8)
            self.data[..., 2] = 255

    (data_folder / "cifar-10-batches-py").mkdir(parents=True)
    monkeypatch.setattr("torchvision.datasets.CIFAR10", Fake)
    monkeypatch.setitem(images.SIZES, "CIFAR10", (20, 10))
    data = CIFAR10(batch_size=8)
    assert data.train[0].shape == (16, 3, 32, 32)
    assert data.val[0][:, 2].eq(1).all()
    assert data.test[0][:, :2].eq(0).all()
    assert data.text_labels(data.test[1][:2]) == ["airplane", "automobile"]


@pytest.mark.parametrize(("environment", "expected"), [
    ({"D2L_HPO_DATA": "/somewhere"}, "/somewhere"),
    ({"D2L_HPO_DATA": "", "XDG_CACHE_HOME": "/cache"}, "/cache/d2l_hpo"),
    ({"HOME": "/home/reader"}, "/home/reader/.cache/d2l_hpo"),
])
def test_the_data_folder_follows_the_environment(monkeypatch, environment, expected):
    for name in ("D2L_HPO_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert images.data_folder() == Path(expected)
