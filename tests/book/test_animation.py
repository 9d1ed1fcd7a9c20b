"""Animations: frames, labels and texts of the player, and what Jupyter and the PDF take."""
import base64
import importlib
import io
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from docutils import nodes
from docutils.utils import new_document
from matplotlib import pyplot as plt
from PIL import Image

from d2l_hpo import animate, use_style

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"


@pytest.fixture(autouse=True)
def without_windows():
    """Draw without windows in the book's style."""
    matplotlib.use("Agg")
    use_style()


def square(ax, side):
    """Fill a square of this side."""
    ax.fill([0, 0, side, side], [0, side, side, 0], color="black")
    ax.set(xlim=(0, 4), ylim=(0, 4))


def dark_part(image):
    """The part of an image that is dark."""
    return np.mean(np.asarray(image.convert("L")) < 100)


def stored_frames(animation):
    """The frames within the player: images and labels."""
    text = re.search(r'<script type="application/json">(.*?)</script>', animation.html())[1]
    return [(Image.open(io.BytesIO(base64.b64decode(frame["image"].partition(",")[2]))),
             frame["label"]) for frame in json.loads(text)]


def test_the_player_holds_every_frame_with_its_label():
    frames = stored_frames(animate(square, [1, 2, 3], "A growing square"))
    assert [label for _, label in frames] == ["1 of 3", "2 of 3", "3 of 3"]
    parts = [dark_part(image) for image, _ in frames]
    assert parts == sorted(parts) and parts[0] > 0
    assert parts[2] - parts[0] == pytest.approx(8 * (parts[1] - parts[0]) / 3, rel=0.05)


def test_labels_and_the_frame_that_stands_still_can_be_given():
    animation = animate(square, [1, 2], "A square", labels=["<one>", "two"], still=0)
    page = animation.html()
    assert [label for _, label in stored_frames(animation)] == ["<one>", "two"]
    assert "<output>&lt;one&gt;</output>" in page and 'value="0"' in page
    assert page.count("<one>") == 0
    assert animation.shown == 0
    assert animate(square, [1, 2], "A square").shown == 1


def test_display_data_have_the_player_for_pages_and_a_still_figure_for_paper():
    bundle = animate(square, [1, 2], "A square")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert bundle["image/svg+xml"].lstrip().startswith("<?xml")
    assert "A square" in bundle["text/plain"]


def test_the_player_asks_no_other_host_and_has_texts_for_screen_readers():
    page = animate(square, [1], 'Squares, "quoted" & <marked>').html()
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:)https?:""", page)
    assert 'alt="Squares, &quot;quoted&quot; &amp; &lt;marked&gt;"' in page
    assert page.count("aria-label=") == 2


def test_equal_frames_give_equal_output_and_others_another_key():
    first, second, other = (animate(square, frames, "A square") for frames in ([1, 2], [1, 2], [2]))
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    keys = {re.search(r'data-animation="(\w+)"', a.html())[1] for a in (first, second, other)}
    assert len(keys) == 2


def test_forty_frames_are_small():
    animation = animate(square, np.linspace(0.1, 4, 40), "A growing square")
    assert len(animation.html()) < 1_000_000


def test_an_array_of_axes_is_cleared_before_each_frame():
    counts = []

    def draw(axes, frame):
        for ax in axes:
            ax.plot([0, frame])
        counts.append([len(ax.get_lines()) for ax in axes])

    animation = animate(draw, [1, 2], "Two lines", ncols=2, figsize=(6, 3))
    assert counts == [[1, 1]] * 3
    assert animation.width == 600


def test_no_figure_stays_open_even_after_an_error():
    before = plt.get_fignums()
    animate(square, [1], "A square")
    with pytest.raises(ZeroDivisionError):
        animate(lambda ax, frame: 1 / 0, [1], "Nothing")
    assert plt.get_fignums() == before


@pytest.mark.parametrize(("settings", "message"), [
    ({"frames": []}, "frames is empty"), ({"alt": " "}, "alt is ' '"),
    ({"labels": ["a"]}, "labels has 1 entries for 2 frames"), ({"still": 2}, "still is 2"),
    ({"interval": 0}, "interval")])
def test_bad_arguments_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        animate(**{"draw": square, "frames": [1, 2], "alt": "A square", **settings})


def test_the_still_image_of_the_pdf_takes_the_alt_text_of_the_player(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    sources = importlib.import_module("sources")
    document = new_document("page")
    texts = [animate(square, [1], 'A "square"').html(), '<img src="x" alt="no animation">']
    for text in texts:
        document += nodes.container("", nodes.raw("", text, format="html"), nodes.image(),
                                    nb_element="mime_bundle")
    sources.name_animations(None, document)
    animated, other = document.findall(nodes.image)
    assert animated["alt"] == 'A "square"'
    assert "alt" not in other
