"""Domains as `describe_space` writes them down: what they span, without the space itself."""
from collections.abc import Mapping
from typing import Any, NamedTuple


class DescribedRange(NamedTuple):
    """The support of a described distribution; `is_log`: its logarithm is about uniform."""

    low: float
    high: float
    is_integer: bool
    is_log: bool


def described_range(domain: Mapping[str, Any]) -> DescribedRange | None:
    """Return the support of an entry of `describe_space`.

    None for choices, for a constant, and for a distribution of the user's own.

    >>> described_range(describe_space({"x": stats.loguniform(1e-4, 1)})[0])
    DescribedRange(low=0.0001, high=1.0, is_integer=False, is_log=True)
    """
    if domain.get("kind") != "distribution":
        return None
    from scipy import stats

    from d2l_hpo.spaces.log_randint import LOG_RANDINT
    name, parameters = domain["distribution"], dict(domain["parameters"])
    generator = LOG_RANDINT if name == LOG_RANDINT.name else getattr(stats, name, None)
    if generator is None:
        return None
    is_integer = isinstance(generator, stats.rv_discrete)
    if is_integer:
        parameters.pop("scale", None)
    low, high = generator(**parameters).support()
    is_log = name in ("loguniform", "reciprocal", "lograndint") and parameters.get("loc", 0) == 0
    return DescribedRange(float(low), float(high), is_integer, is_log)
