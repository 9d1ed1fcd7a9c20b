"""What to run where a package is missing, and the versions that the book was built with."""
from importlib.util import find_spec

PINS = {"torch": "2.13.0", "torchvision": "0.28.0", "d2l": "1.0.3", "syne-tune": "0.16.0",
        "ray[tune]": "2.60.0"}


def install_command(*packages: str) -> str:
    """Return the command that installs packages, those of `PINS` in the versions named there.

    d2l comes without what it depends on: its own pins cannot be installed.
    """
    pinned = [f"{name}=={PINS[name]}" if name in PINS else name for name in packages]
    items = [f"'{item}'" if "[" in item else item for item in pinned]  # a shell reads brackets
    options = ["--no-deps"] if "d2l" in packages else []
    return " ".join(["python -m pip install", *options, *items])


COMMANDS = {"torch": install_command("torch", "torchvision"),
            "torchvision": install_command("torch", "torchvision"), "d2l": install_command("d2l")}


def installation_hint() -> str | None:
    """Say in one line what to run where torch, torchvision or d2l is missing, else None."""
    missing = [name for name in COMMANDS if find_spec(name) is None]
    if not missing:
        return None
    commands = dict.fromkeys(COMMANDS[name] for name in missing)
    return f"d2l_hpo cannot train without {' and '.join(missing)}; run: {'; '.join(commands)}"
