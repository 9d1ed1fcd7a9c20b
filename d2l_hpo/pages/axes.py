"""Axes: where a value stands between 0 and 1, and where its ticks are."""
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


from d2l_hpo.pages.markup import number, spell_short
from d2l_hpo.spaces.domains import as_plain
from d2l_hpo.spaces.described import described_range

Ticks = list[tuple[float, str]]
MANY_DECADES = 1000.0
"""Positive values without a described domain get a logarithmic axis from this ratio on."""
MOST_WORDS = 12
OTHERS = "others"
LARGEST, LEAST = sys.float_info.max, 5e-324  # of positive floats
SMALLEST = sys.float_info.min  # of steps between ticks; what is smaller loses its digits
HIGHEST = sys.float_info.max_10_exp


def as_number(value: Any) -> float | None:
    """Return a finite number as a float; None for anything else, truth values included."""
    value = as_plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class NumberAxis:
    """From `low` to `high`, linear or logarithmic."""

    low: float
    high: float
    is_log: bool = False
    is_integer: bool = False

    def place(self, value: Any) -> float | None:
        """Return where a value stands; None where it has no place."""
        given = as_number(value)
        if given is None or (self.is_log and given <= 0):
            return None
        if self.low == self.high:
            return 0.5
        if self.is_log:  # not of a ratio, which may be too large for a float
            low, span = math.log(self.low), math.log(self.high) - math.log(self.low)
            return (math.log(given) - low) / span if span else 0.5
        span = self.high / 2 - self.low / 2  # halves: the difference may be too large for a float
        return (given / 2 - self.low / 2) / span if span else 0.5

    def ticks(self, most: int = 6) -> Ticks:
        """Return up to so many places and labels, at 1, 2, 5 and their multiples by 10."""
        if self.low == self.high:
            return [(0.5, number(self.low))]
        values = self._log_ticks(most) if self.is_log else self._linear_ticks(most)
        if len(values) < 2:
            values = [self.low, self.high]
        return [(min(max(self.place(value) or 0.0, 0.0), 1.0), number(value))
                for value in values[:max(most, 2)]]

    def _linear_ticks(self, most: int) -> list[float]:
        raw = max((self.high / 2 - self.low / 2) / max(most - 1, 1) * 2, SMALLEST)
        power = math.floor(math.log10(raw))
        for factor in (1, 2, 5, 10, 20, 50):
            step = factor * 10.0**power
            if not 0 < step < math.inf:
                continue
            if self.is_integer:
                step = max(1.0, round(step))
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first < most:
                return [i * step for i in range(first, last + 1)]
        return []

    def _log_ticks(self, most: int) -> list[float]:
        low, high = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        if high - low > 1 or self.high / self.low > 3:
            for factors in ((1, 2, 5), (1, 3), (1,)):
                values = [f * 10.0**e for e in range(low, min(high, HIGHEST) + 1) for f in factors]
                inside = [v for v in values if self.low <= v * (1 + 1e-9)
                          and v <= min(self.high * (1 + 1e-9), LARGEST)]
                if len(inside) <= most:
                    return inside
            stride = math.ceil(len(inside) / most)
            return inside[::stride]
        return self._linear_ticks(most)


@dataclass(frozen=True)
class WordAxis:
    """Words at equal distances; the last stands for all others where `has_others`."""

    words: tuple[str, ...]
    has_others: bool = False

    def place(self, value: Any) -> float | None:
        """Return where a value stands; None where it has no place."""
        word = as_word(value)
        if word in self.words:
            return (self.words.index(word) + 0.5) / len(self.words)
        return 1 - 0.5 / len(self.words) if self.has_others else None

    def ticks(self, most: int = 6) -> Ticks:
        """Return the places of all words; `most` counts for numbers only."""
        return [((i + 0.5) / len(self.words), word) for i, word in enumerate(self.words)]


Axis = NumberAxis | WordAxis


def as_word(value: Any) -> str:
    """Return a value as the word of an axis, in which 1, True and "1" are three."""
    value = as_plain(value)
    text = spell_short(value, 40)
    is_doubtful = isinstance(value, str) and (value in ("True", "False", "None", "nan", OTHERS)
                                              or _reads_as_number(value))
    return repr(value)[:40] if is_doubtful else text


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def axis_of(values: Sequence[Any], domain: Mapping[str, Any] | None = None) -> Axis:
    """Return the axis of a hyperparameter, from its values and, if it is known, its domain."""
    if domain is not None and domain.get("kind") == "categorical":
        return word_axis([*domain["choices"], *values])
    numbers = [given for given in map(as_number, values) if given is not None]
    given = None if domain is None else described_range(domain)
    if given is None and not (numbers and all(map(_may_be_number, values))):
        return word_axis(values)
    if given is not None:
        low, high = min([given.low, *numbers]), max([given.high, *numbers])
        return NumberAxis(low, high, given.is_log and low > 0, given.is_integer)
    return number_axis(numbers, all(isinstance(as_plain(value), int) for value in values))


def _may_be_number(value: Any) -> bool:
    """Whether a value is one that an axis of numbers shows, or leaves out as nan or infinite."""
    return isinstance(as_plain(value), int | float) and not isinstance(as_plain(value), bool) or (
        value is None)


def number_axis(numbers: Iterable[float], is_integer: bool = False,
                ratio: float = MANY_DECADES) -> NumberAxis:
    """Return an axis for finite numbers, logarithmic where they are positive and far apart."""
    numbers = list(numbers)
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    return NumberAxis(low, high, low > 0 and high / low >= ratio, is_integer)


def word_axis(values: Sequence[Any]) -> WordAxis:
    """Return an axis of words, in their first order; of many the most frequent."""
    counted = Counter(map(as_word, values))
    if len(counted) <= MOST_WORDS:
        return WordAxis(tuple(counted) or ("–",))
    frequent = {word for word, _ in counted.most_common(MOST_WORDS - 1)}
    return WordAxis((*(word for word in counted if word in frequent), OTHERS), True)
