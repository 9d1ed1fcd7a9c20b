"""A digest of a function's behaviour that does not depend on the process that computes it."""
import functools
import hashlib
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

_ATOMS = (type(None), type(Ellipsis), str, bytes, bool, int, float, complex)


def function_digest(function: Any) -> str:
    """Digest a function's code, constants, names, defaults and closure, as 16 hexadecimal digits.

    Equal functions have equal digests in every process of one Python version; the value of a
    global variable that the function reads is not part of it. Raises TypeError where one of these
    parts has no stable text form.
    """
    return hashlib.sha256(repr(_canonical(function)).encode()).hexdigest()[:16]


def _canonical(value: Any) -> tuple:
    """Write `value` as nested tuples of strings and bytes, the same in every process."""
    kind = type(value).__name__
    if isinstance(value, _ATOMS):
        return kind, repr(value)
    if isinstance(value, (tuple, list)):
        return kind, *map(_canonical, value)
    if isinstance(value, (set, frozenset)):
        return kind, *sorted(map(_canonical, value))
    if isinstance(value, dict):
        return kind, *((_canonical(key), _canonical(item)) for key, item in value.items())
    if isinstance(value, CodeType):
        return _canonical_code(value)
    if isinstance(value, FunctionType):
        cells = tuple(cell.cell_contents for cell in value.__closure__ or ())
        parts = value.__code__, value.__defaults__, value.__kwdefaults__, cells
        return kind, *map(_canonical, parts)
    if isinstance(value, functools.partial):
        return kind, *map(_canonical, (value.func, value.args, value.keywords))
    if isinstance(value, (BuiltinFunctionType, type)):
        return kind, f"{value.__module__}.{value.__qualname__}"
    raise TypeError(f"{value!r} cannot be described; use a plain function over plain values")


def _canonical_code(code: CodeType) -> tuple:
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return "code", code.co_code, *map(_canonical, (*names, code.co_consts))
