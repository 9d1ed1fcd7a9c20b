"""What to run where a package is missing that training needs."""
from importlib.util import find_spec

COMMANDS = {
    "torch": "python -m pip install torch==2.13.0 torchvision==0.28.0",
    "torchvision": "python -m pip install torch==2.13.0 torchvision==0.28.0",
    "d2l": "python -m pip install --no-deps d2l==1.0.3",
}


def installation_hint() -> str | None:
    """Say in one line what to run where torch, torchvision or d2l is missing, else None."""
    missing = [name for name in COMMANDS if find_spec(name) is None]
    if not missing:
        return None
    commands = dict.fromkeys(COMMANDS[name] for name in missing)
    return f"d2l_hpo cannot train without {' and '.join(missing)}; run: {'; '.join(commands)}"
