"""Files that are complete or not there, and keep their date while they stay the same.

The package has such a function, too. This one is its own since the extractor writes the stubs by
which the package is imported.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path


def read_source(path: Path) -> str:
    """Return the text of a file that somebody edits; Windows editors may begin it with a mark."""
    return path.read_text(encoding="utf-8-sig")


def write(path: Path, text: str) -> bool:
    """Write `text` to `path` in one step unless it holds it already; say whether it changed."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent,
                                     prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            file.close()
            os.unlink(file.name)
            raise
    return True


def update(root: Path, wanted: dict[Path, str], present: Iterable[Path], check: bool,
           target: str) -> int:
    """Write the wanted files, and remove those that are present and not wanted; say which.

    With `check` only name what differs, and the `make` target that helps; then return 1.
    """
    different = {path: text for path, text in wanted.items()
                 if not path.is_file() or path.read_text(encoding="utf-8") != text}
    different |= dict.fromkeys({*present} - {*wanted})
    for path, text in sorted(different.items()):
        name = path.relative_to(root)
        if check:
            print(f"{name} differs from the chapter; run `make {target}`", file=sys.stderr)
        elif text is None:
            path.unlink()
            print(f"{name}: removed")
        else:
            write(path, text)
            print(f"{name}: written")
    return int(check and bool(different))
