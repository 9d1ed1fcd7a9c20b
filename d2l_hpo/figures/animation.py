"""Animations that are part of the page: a slider over frames, without a network or a video.

In a web page or Jupyter an `Animation` is a player in HTML whose frames are images within it. Where
no script runs, and in the PDF, it is one still frame. Equal frames give equal output, byte by byte.
"""
import base64
import hashlib
import html
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.installation import needs

with needs("plots", "d2l_hpo.figures"):
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure
    from PIL import Image

FRAME_DPI = 170  # sharp on a phone; an image of 256 colours then takes about 10 kB
COLORS_A_FRAME = 128
PLAYER = """<div class="animation" data-animation="{key}" data-interval="{interval}" \
role="group" aria-label="Animation" style="max-width: {width}px; margin: 0 auto">
<img src="{still}" alt="{alt}" width="{width}" style="max-width: 100%; height: auto">
<div class="animation-controls" hidden>
<button type="button">Play</button>
<input type="range" min="0" max="{last}" value="{shown}" step="1" aria-label="Frame">
<output>{label}</output>
</div>
<script type="application/json">{frames}</script>
</div>
<style>
.animation-controls:not([hidden]) {{ display: flex; gap: 0.8em; align-items: center; \
flex-wrap: wrap; }}
.animation-controls button {{ min-width: 4.5em; font: inherit; color: inherit; \
background: transparent; border: 1px solid; border-radius: 4px; cursor: pointer; }}
.animation-controls input {{ flex: 1 1 8em; min-width: 6em; }}
.animation-controls output {{ min-width: 6em; font-variant-numeric: tabular-nums; }}
@media print {{ .animation-controls:not([hidden]) {{ display: none; }} }}
</style>
<script>
(() => {{
  const selector = '[data-animation="{key}"]:not([data-ready])';
  for (const player of document.querySelectorAll(selector)) {{
    player.dataset.ready = "";
    const [picture, button, slider, output] = ["img", "button", "input", "output"]
      .map(name => player.querySelector(name));
    const frames = JSON.parse(player.querySelector("script").textContent);
    let timer = null;
    const show = number => {{
      slider.value = number;
      picture.src = frames[number].image;
      output.textContent = frames[number].label;
      slider.setAttribute("aria-valuetext", frames[number].label);
    }};
    const stop = () => {{ clearInterval(timer); timer = null; button.textContent = "Play"; }};
    const step = () => {{
      show(Number(slider.value) + 1);
      if (Number(slider.value) === frames.length - 1) stop();
    }};
    button.addEventListener("click", () => {{
      if (timer !== null) return stop();
      if (Number(slider.value) === frames.length - 1) show(0);
      button.textContent = "Pause";
      timer = setInterval(step, Number(player.dataset.interval));
    }});
    slider.addEventListener("input", () => {{ stop(); show(Number(slider.value)); }});
    show(Number(slider.value));
    player.querySelector(".animation-controls").hidden = false;
  }}
}})();
</script>"""


@dataclass(frozen=True)
class Animation:
    """Frames as PNG images with a label each, and the one that stands still, also as SVG.

    `animate` makes one. A cell that ends with it shows the player. Fields, which are the
    arguments:

    - `images`, `labels`: tuples of PNG files as bytes, and of text, of equal length.
    - `shown`: the index of the frame that the page opens with.
    - `still`: that frame as SVG.
    - `alt`: what is to be seen, in words.
    - `width`: the player's, in CSS pixels, at most.
    - `interval`: milliseconds a frame.

    For a page of your own::

        Path("animation.html").write_text(animation.html(), encoding="utf-8")
    """

    images: tuple[bytes, ...]
    labels: tuple[str, ...]
    shown: int
    still: str
    alt: str
    width: int
    interval: int

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "image/svg+xml": self.still,
                "text/plain": f"Animation of {len(self.images)} frames: {self.alt}"}

    def html(self) -> str:
        """Return the player, which needs nothing but itself."""
        sources = [f"data:image/png;base64,{base64.b64encode(image).decode()}"
                   for image in self.images]
        frames = json.dumps([{"image": source, "label": label}
                             for source, label in zip(sources, self.labels, strict=True)])
        return PLAYER.format(
            key=hashlib.sha256((self.alt + frames).encode()).hexdigest()[:16],
            interval=self.interval, width=self.width, still=sources[self.shown],
            alt=html.escape(self.alt, quote=True), last=len(sources) - 1, shown=self.shown,
            label=html.escape(self.labels[self.shown]), frames=frames.replace("<", "\\u003c"))


def animate(draw: Callable[[Any, Any], Any], frames: Sequence[Any], alt: str,
            labels: Sequence[str] | None = None, still: int = -1, interval: int = 150,
            **subplots: Any) -> Animation:
    """Call `draw(ax, frame)` for each frame and return the animation; display it or end a cell
    with it.

    Arguments:

    - `draw`: a function of the axes, which are cleared before each frame, and of a frame. It
      should set limits that do not depend on the frame.
    - `frames`: at least one; whatever `draw` takes.
    - `alt`: what is to be seen, in words.
    - `labels`: of the frames, beside the slider; None: their number.
    - `still`: the index of the frame that the page opens with and that the PDF shows. All frames
      share its layout.
    - `interval`: milliseconds a frame when played, at least 1.
    - `**subplots`: what goes to `plt.subplots`; its second result, one axes or an array of them,
      is given to `draw`.

    ValueError for no frames, an empty `alt`, and labels, a still or an interval that do not fit.

    >>> def draw(ax, n):
    ...     ax.plot(range(n))
    ...     ax.set(xlim=(0, 3), ylim=(0, 3))
    >>> animation = animate(draw, [1, 2, 3], alt="A line grows.", figsize=(1, 1))
    >>> animation.labels
    ('1 of 3', '2 of 3', '3 of 3')
    """
    frames = list(frames)
    labels = _check_labels(labels, len(frames))
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt is {alt!r}; say in words what is to be seen")
    if not -len(frames) <= still < len(frames):
        raise ValueError(f"still is {still}, expected the index of one of {len(frames)} frames")
    fig, ax = plt.subplots(**subplots)
    try:
        draw(ax, frames[still])
        picture = _svg(fig)
        fig.set_layout_engine("none")
        images = tuple(_redraw(fig, draw, ax, frame) for frame in frames)
    finally:
        plt.close(fig)
    return Animation(images, labels, still % len(frames), picture, alt,
                     round(fig.get_figwidth() * 100), check_int("interval", interval))


def _check_labels(labels: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return a label for each of `count` frames; ValueError where there are none or others."""
    if count == 0:
        raise ValueError("frames is empty, expected at least one frame")
    if labels is None:
        return tuple(f"{number} of {count}" for number in range(1, count + 1))
    if len(labels) != count:
        raise ValueError(f"labels has {len(labels)} entries for {count} frames; give one each")
    return tuple(str(label) for label in labels)


def _redraw(fig: Figure, draw: Callable[[Any, Any], Any], ax: Any, frame: Any) -> bytes:
    """Draw a frame on cleared axes and return it as a PNG image of few colours."""
    for axes in fig.axes:
        axes.clear()
    draw(ax, frame)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=FRAME_DPI)
    with Image.open(buffer) as image:
        few = image.convert("RGB").quantize(COLORS_A_FRAME, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _svg(fig: Figure) -> str:
    """Return the figure as SVG without a date."""
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
