"""Results that took hours, kept in the repository: one line of JSON a search.

A line has the name of the search, its key (what the result depends on), its mean seconds a
suggestion, its number of evaluations, and its smallest error so far each time that it fell, with
the evaluation's index. A new machine continues from there.
"""
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from d2l_hpo.tools.files import write_file


def restore(archive: Path, folder: Path) -> None:
    """Write the searches of an archive to `folder`, one file each, but for those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = archive.read_text(encoding="utf-8").splitlines() if archive.exists() else []
    for line in map(json.loads, lines):
        path = folder / f"{line['search']}.json"
        if not path.exists():
            write_file(path, json.dumps(unpack(line)).encode())


def keep(archive: Path, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Write an archive of results by name, sorted, and in one step."""
    lines = [json.dumps(pack(name, results[name])) for name in sorted(results)]
    write_file(archive, "".join(line + "\n" for line in lines).encode())


def pack(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of a search."""
    errors = result["errors"]
    return {"search": name, "key": result["key"], "seconds": float(f"{result['seconds']:.3g}"),
            "evaluations": len(errors), "fell": list(falls(errors))}


def falls(errors: Iterable[float]) -> Iterable[tuple[int, float]]:
    """Yield index and error, to nine digits, each time that the smallest error so far fell."""
    best = float("inf")
    for index, error in enumerate(errors):
        if error < best:
            best = error
            yield index, float(f"{error:.9g}")


def unpack(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a line, with the smallest error so far for each error."""
    ends = [index for index, _ in line["fell"][1:]] + [line["evaluations"]]
    errors = [error for (start, error), end in zip(line["fell"], ends, strict=True)
              for _ in range(end - start)]
    return {"key": line["key"], "errors": errors, "seconds": line["seconds"]}
