"""Write every drawing to img/, light and dark: `python -m img.src`; with --check, only compare."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from .style import MODES

SCRIPTS = Path(__file__).parent
NO_DRAWINGS = {"__main__", "style"}


def drawing_names() -> list[str]:
    """Return the names of the scripts that draw."""
    return sorted({path.stem for path in SCRIPTS.glob("*.py")} - NO_DRAWINGS)


def wanted_files() -> dict[Path, str]:
    """Return path -> text of what img/ holds: NAME.svg, and NAME-dark.svg for dark pages."""
    drawings = {name: import_module(f".{name}", __package__).draw() for name in drawing_names()}
    return {SCRIPTS.parent / f"{name}{'' if mode == 'light' else f'-{mode}'}.svg":
            drawing.svg(mode) for name, drawing in drawings.items() for mode in MODES}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="img.src", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    check = parser.parse_args(arguments).check
    wanted = wanted_files()
    different = [path for path, text in wanted.items()
                 if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in different:
        if check:
            print(f"img/{path.name} differs from its script; run `make drawings`", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8", newline="\n")
            print(f"img/{path.name}: written")
    left = sorted(set(SCRIPTS.parent.glob("*.svg")) - set(wanted))
    for path in left:
        print(f"img/{path.name}: no script draws it; remove it", file=sys.stderr)
    return 1 if left or check and different else 0


if __name__ == "__main__":
    sys.exit(main())
