"""What to run where a package is missing: the extra of pyproject.toml that brings it."""
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

D2L = "1.0.3"
"""The version of d2l that the chapter's networks build on."""

TRAINING = ("torch", "torchvision", "d2l")
"""What training the chapter's networks needs, in the order in which it is installed."""


def install_command(*extras: str) -> str:
    """Return the command that installs what extras of this package bring, for any shell.

    Where this package is installed already, from wherever, pip leaves it as it is.
    """
    return f'python -m pip install "d2l_hpo[{",".join(extras)}]"'


def d2l_command() -> str:
    """Return the command that installs d2l, without what its own pins ask for.

    The pins name versions of NumPy and others that no longer install; the extra `torch` brings
    what d2l imports.
    """
    return f"python -m pip install --no-deps d2l=={D2L}"


def installation_hint() -> str | None:
    """Say in one line what to run where torch, torchvision or d2l is missing, else None."""
    missing = [name for name in TRAINING if find_spec(name) is None]
    if not missing:
        return None
    commands = [install_command("torch")] * (missing != ["d2l"]) + [d2l_command()] * (
        "d2l" in missing)
    return f"d2l_hpo cannot train without {' and '.join(missing)}; run: {' && '.join(commands)}"


@contextmanager
def needs(extra: str, user: str) -> Iterator[None]:
    """Let a block import packages of an extra; ImportError says what to run if one is missing.

    `user` is what needs them, as its callers know it.
    """
    try:
        yield
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise ImportError(f"{user} needs the extra {extra!r} ({reason}); run: "
                          f"{install_command(extra)}") from error
