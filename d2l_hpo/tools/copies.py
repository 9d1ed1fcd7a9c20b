"""Copies of what a search hands out: whoever changes one changes nothing else."""
from collections.abc import Mapping
from typing import Any

NESTED = frozenset({dict, list, tuple, set})
DEEPEST = 100  # levels


def copied(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dictionary with the same entries; those inside it are copied, too, 100 levels deep.

    That is for Python's dict, list, tuple and set. Arrays, models and other objects, which may be
    large, stay the same ones.
    """
    copy: dict[Any, Any] = dict(entries)
    memo: dict[int, Any] = {}
    for name, value in copy.items():
        if type(value) in NESTED:
            memo = memo or {id(entries): copy}
            copy[name] = _copied(value, memo, DEEPEST)
    return copy


def _is_flat(value: Any) -> bool:
    """Say whether nothing inside a list, tuple or set has to be copied, quickly for many items."""
    return NESTED.isdisjoint(map(type, value))


def _copied(value: Any, memo: dict[int, Any], levels: int) -> Any:
    """Return a copy of a nested value; `memo` has the copies so far, by the ids of the originals.
    """
    kind = type(value)
    if kind not in NESTED or levels == 0:
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is not dict and _is_flat(value):
        memo[id(value)] = kind(value)
        return memo[id(value)]
    if kind is dict:
        entries: dict[Any, Any] = {}
        memo[id(value)] = entries
        entries.update((key, _copied(item, memo, levels - 1)) for key, item in value.items())
        return entries
    if kind is list:
        items: list[Any] = []
        memo[id(value)] = items
        items.extend(_copied(item, memo, levels - 1) for item in value)
        return items
    return kind(_copied(item, memo, levels - 1) for item in value)
