"""The checked forms of a hyperparameter's domain, which :mod:`d2l_hpo.spaces.space` works with.

Every domain maps u in [0, 1] to a plain Python value (``values``) and back (``to_unit``), many at
once. A value of an integer or a category owns a bin as wide as its probability, and maps back to
the middle of it (``snap`` does both).
"""
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class CategoricalDomain:
    """Choices as the user wrote them, unchecked; made by :func:`d2l_hpo.categorical`."""

    choices: Sequence[Any]


@dataclass(frozen=True)
class ConditionalDomain:
    """A domain that counts only where `test` holds; made by :func:`d2l_hpo.spaces.space.when`."""

    test: Callable[[Any], bool]
    domain: Any


LONGEST_TABLE = 10_000  # integers whose bins' middles are kept
SMALLEST, LARGEST = np.finfo(float).tiny, 1 - np.finfo(float).epsneg  # floats between 0 and 1


def as_plain(value: Any) -> Any:
    """Turn a numpy scalar into the Python value that it holds."""
    return value.item() if isinstance(value, np.generic) else value


def is_finite(value: Any) -> bool:
    """Whether `value` is anything but a float that is nan or infinite."""
    return not isinstance(value, float) or math.isfinite(value)


def spell(frozen: Any) -> str:
    """Write a frozen distribution as code, for messages (its own repr is an address)."""
    arguments = [repr(as_plain(argument)) for argument in frozen.args]
    arguments += [f"{key}={as_plain(argument)!r}" for key, argument in frozen.kwds.items()]
    return f"{frozen.dist.name}({', '.join(arguments)})"


@dataclass(frozen=True)
class Distribution:
    """A frozen scipy distribution on [low, high], continuous or over integers."""

    frozen: Any
    low: float
    high: float
    is_integer: bool

    @property
    def size(self) -> float:
        """The number of values; infinity for floats."""
        return int(self.high - self.low) + 1 if self.is_integer else math.inf

    def all_values(self) -> list[int]:
        """Return all integers of the support."""
        return list(range(int(self.low), int(self.high) + 1))

    @cached_property
    def parameters(self) -> tuple[tuple[Any, ...], Any, Any]:
        """The frozen distribution's shapes, location and scale."""
        return self.frozen.dist._parse_args(*self.frozen.args, **self.frozen.kwds)

    def values(self, u: np.ndarray) -> list:
        """Map `u`, shape (n,), to n values."""
        shapes, loc, scale = self.parameters
        # What `frozen.ppf` does between 0 and 1, without its checks, which take ten times as long.
        inside = np.minimum(np.maximum(u, SMALLEST), LARGEST)
        values = self.frozen.dist._ppf(inside, *(np.full(len(u), shape) for shape in shapes))
        values = np.where(u <= 0, self.low, np.where(u >= 1, self.high, values * scale + loc))
        values = np.minimum(np.maximum(values, self.low), self.high)
        return (values.astype(np.int64) if self.is_integer else values).tolist()

    def to_unit(self, values: ArrayLike) -> np.ndarray:
        """Map integers to the middle of their bins, floats to their cdf; shape (n,)."""
        values = np.asarray(values, float)
        if self.is_integer:
            return (self.frozen.cdf(values - 1) + self.frozen.cdf(values)) / 2
        return self.frozen.cdf(values)

    def snap(self, u: np.ndarray) -> np.ndarray:
        """Move each u to the middle of its bin; a float has no bin."""
        if not self.is_integer:
            return u
        if self.size > LONGEST_TABLE:
            return self.to_unit(self.values(u))
        return self.middles[np.array(self.values(u), dtype=int) - int(self.low)]

    @cached_property
    def middles(self) -> np.ndarray:
        """The middles of all bins of integers, kept because scipy's cdf is slow."""
        return self.to_unit(self.all_values())

    def check(self, value: Any) -> float | int:
        """Return the value as int or float, or raise an error that says what was expected."""
        kind = "an int" if self.is_integer else "a float"
        if type(value) is not int and (self.is_integer or type(value) is not float):
            raise TypeError(f"{value!r} is {type(value).__name__}, expected {kind}")
        if not self.low <= value <= self.high:
            raise ValueError(f"{value!r} is outside {spell(self.frozen)}, "
                             f"expected {kind} from {self.low} to {self.high}")
        return value if self.is_integer else float(value)

    def describe(self) -> dict[str, Any]:
        """Name the distribution and all its parameters, written out."""
        generator = self.frozen.dist
        kind = type(generator)
        known = kind.__module__.startswith(("scipy.", "d2l_hpo."))
        shapes, loc, scale = self.parameters
        names = generator.shapes.replace(",", " ").split() if generator.shapes else []
        parameters = dict(zip([*names, "loc", "scale"], [*shapes, loc, scale], strict=True))
        return {
            "kind": "distribution",
            "distribution": generator.name if known else f"{kind.__module__}.{kind.__qualname__}",
            "parameters": {key: float(value) for key, value in parameters.items()},
        }


@dataclass(frozen=True)
class Categories:
    """Choices of equal probability; 1, 1.0 and True are three different choices."""

    choices: tuple[Any, ...]

    @property
    def size(self) -> int:
        """The number of choices."""
        return len(self.choices)

    def all_values(self) -> list[Any]:
        """Return all choices."""
        return list(self.choices)

    def values(self, u: np.ndarray) -> list:
        """Map `u`, shape (n,), to n choices."""
        n = len(self.choices)
        return [self.choices[i] for i in np.minimum((u * n).astype(int), n - 1).tolist()]

    def to_unit(self, values: Sequence[Any]) -> np.ndarray:
        """Map choices to the middle of their bins; shape (n,)."""
        return (np.array([self.index(value) for value in values]) + 0.5) / len(self.choices)

    def snap(self, u: np.ndarray) -> np.ndarray:
        """Move each u to the middle of its bin."""
        n = len(self.choices)
        return (np.minimum((u * n).astype(int), n - 1) + 0.5) / n

    def check(self, value: Any) -> Any:
        """Return the choice, or raise a ValueError that lists the choices."""
        if self.index(value) is None:
            raise ValueError(f"{value!r} is none of the choices {list(self.choices)}")
        return value

    def describe(self) -> dict[str, Any]:
        """List the choices and their types."""
        return {"kind": "categorical", "choices": list(self.choices),
                "types": [type(choice).__name__ for choice in self.choices]}

    def index(self, value: Any) -> int | None:
        """Find the choice of the same type and value; None if there is none."""
        matches = (i for i, choice in enumerate(self.choices)
                   if type(choice) is type(value) and choice == value)
        return next(matches, None)


@dataclass(frozen=True)
class Constant:
    """A value that is part of every configuration and takes no dimension of the unit cube."""

    value: str | bool | int | float

    def check(self, value: Any) -> Any:
        """Return the constant, or raise a ValueError that names it."""
        if type(value) is not type(self.value) or value != self.value:
            raise ValueError(f"{value!r} is not the constant {self.value!r}")
        return value

    def describe(self) -> dict[str, Any]:
        """Give the value and its type."""
        return {"kind": "constant", "value": self.value, "type": type(self.value).__name__}


@dataclass(frozen=True)
class Hyperparameter:
    """A named, checked domain and the tests under which it is active."""

    name: str
    domain: Distribution | Categories | Constant
    tests: tuple[Callable[[Any], bool], ...] = ()

    @property
    def varies(self) -> bool:
        """Whether it takes a dimension of the unit cube."""
        return not isinstance(self.domain, Constant)

    @property
    def side(self) -> Distribution | Categories:
        """The domain, as a side of the unit cube; TypeError for a constant, which has none."""
        if isinstance(self.domain, Constant):
            raise TypeError(f"hyperparameter {self.name!r} is constant; it has no side")
        return self.domain

    def is_active(self, config: dict[str, Any]) -> bool:
        """Evaluate the tests on `config`, which holds the active hyperparameters before this."""
        return all(self._holds(test, MappingProxyType(config)) for test in self.tests)

    def _holds(self, test: Callable[[Any], bool], config: MappingProxyType) -> bool:
        try:
            answer = test(config)
        except Exception as error:
            raise ValueError(
                f"hyperparameter {self.name!r}: its test in when(...) raised {error!r}; it sees "
                f"only the active hyperparameters before it, here {dict(config)}, so use "
                "config.get(...) for one that may be inactive") from error
        if not isinstance(answer, (bool, np.bool_)):
            raise TypeError(f"hyperparameter {self.name!r}: its test in when(...) returned "
                            f"{answer!r} for {dict(config)}, expected True or False")
        return bool(answer)
