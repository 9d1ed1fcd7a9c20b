"""HTML and SVG as text: everything that comes from a search is escaped here."""
import html
import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
                 "\u202a-\u202e\u2066-\u2069]")
"""Characters that HTML must not hold, and those that turn the direction of what follows."""
LONGEST = 200


def escape(text: Any) -> str:
    """Return a text as HTML shows it, in attributes, too."""
    return html.escape(ODD.sub("\ufffd", str(text)))


def tag(name: str, *content: str, **attributes: Any) -> str:
    """Return an element around markup; attributes are escaped, and left out where they are None.

    `class_` stands for `class`, an underline for a dash.
    """
    inside = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
                     for key, value in attributes.items() if value is not None)
    return f"<{name}{inside}>{''.join(content)}</{name}>"


def isolated(text: Any) -> str:
    """Return a text whose direction of writing does not leak into what stands around it."""
    return f"<bdi>{escape(text)}</bdi>"


def number(value: float) -> str:
    """Write a number with four digits, and nan, inf as words that a reader knows."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if 1e4 <= abs(value) < 1e7:
        return f"{value:.0f}"
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def spell_short(value: Any, longest: int = LONGEST) -> str:
    """Write a hyperparameter's value: numbers with four digits, words without quotes."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return number(value)
    text = value if isinstance(value, str) and value else repr(value)
    return shorten(text, longest)


def shorten(text: str, longest: int) -> str:
    """Cut a text in the middle where it is too long."""
    if len(text) <= longest:
        return text
    head = (longest - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head):]}"


def seconds(value: float) -> str:
    """Write a duration in the unit that suits it."""
    if not math.isfinite(value):
        return number(value)
    for unit, size in (("h", 3600), ("min", 60)):
        if value >= 2 * size:
            return f"{number(value / size)} {unit}"
    return f"{number(value)} s"


def listed(words: Iterable[str]) -> str:
    """Write words as a list in a sentence."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
