"""Files that are complete or not there: what a killed process leaves can be read."""
import os
from pathlib import Path


def write_file(path: str | os.PathLike, content: bytes | memoryview) -> None:
    """Write `content` to `path` in one step; OSError leaves the previous file as it is.

    After a crash, too, a reader finds the previous file or the new one, never half of one. Until
    then the content is in `path` with ".partial" at the end, which only a killed process leaves.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
