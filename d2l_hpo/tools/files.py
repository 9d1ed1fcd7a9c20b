"""Files that are complete or not there: what a killed process leaves can be read."""
import os
import secrets
from pathlib import Path

from d2l_hpo.tools.platform import replace


def write_file(path: str | os.PathLike, content: bytes | memoryview) -> None:
    """Write `content` to `path` in one step; OSError leaves the previous file as it is.

    After a crash, too, and with several writers, a reader finds the previous file or a whole new
    one. Until then the content is in a file of its own, `path` with a number and ".partial" at the
    end, which only a killed process leaves.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
