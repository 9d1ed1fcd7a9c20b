"""Execute the sections as other processors would, and list every cell that fails there.

    python book/elsewhere.py [--kinds avx2,plain] [SECTION ...]
    python book/elsewhere.py [--kinds avx2,plain] -- -m studies.NAME [ARGUMENT ...]

The second form runs a study or a script instead. A kind of machine sets the variables by which
torch, oneDNN, MKL, OpenBLAS and NumPy choose the kernels of another processor: sums round
differently, and training takes another path, as it does on a reader's machine. A shift of all
training seeds moves it as far as any other processor can. A cell fails that raises
an exception, or whose statement of the text does not hold. Execution goes on behind it, so that one
run finds all. Executed copies go to _build/elsewhere/KIND. The exit status is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from cells import read_notebook
from config import ROOT, BookConfig, load_config
from execution import ANSI, code_cells, run_cells
from files import write
from notebooks import SECTIONS_AT_ONCE, has_code, longest_first, standardise
from statements import failed_statements

SITE = Path(__file__).with_name("elsewhere_site")
NO_AVX512 = "AVX512F AVX512CD AVX512_SKX"
KINDS = {
    "here": {},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
             "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
             "NPY_DISABLE_CPU_FEATURES": NO_AVX512},
    "plain": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
              "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "MKL_CBWR": "COMPATIBLE",
              "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": f"AVX2 FMA3 {NO_AVX512}"},
    "no-onednn": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ELSEWHERE_NO_ONEDNN": "1"},
    "skylake": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "OPENBLAS_CORETYPE": "SkylakeX",
                "MKL_CBWR": "AVX512"},
} | {f"seeds{i}": {"ELSEWHERE_SEED_SHIFT": str(7919 * i)} for i in (1, 2, 3)}
OTHERS = [kind for kind in KINDS if kind != "here"]


def kind_of_today(today: datetime.date) -> str:
    """Return another kind each day, in turn."""
    return OTHERS[today.timetuple().tm_yday % len(OTHERS)]


def variables(kind: str) -> dict[str, str]:
    """Return the environment of a kind, beside what is set anyway."""
    return KINDS[kind] | {"PYTHONPATH": str(SITE)}


def run_section(path: Path, kind: str, config: BookConfig) -> list[str]:
    """Execute a section, write the executed copy, and return a line for each failure."""
    notebook = standardise(read_notebook(path))
    start = time.perf_counter()
    run_cells(notebook, path.name, variables(kind), allow_errors=True)
    copy = config.build / "elsewhere" / kind / f"{path.stem}.ipynb"
    copy.parent.mkdir(parents=True, exist_ok=True)
    write(copy, nbformat.writes(notebook))
    failures = [f"{kind}: {path.name}, code cell {number}: {reason}"
                for number, reason in sorted([*exceptions(notebook), *failed_statements(notebook)])]
    print(f"{kind}: {path.stem}: {len(failures)} failed, {time.perf_counter() - start:.0f} s",
          flush=True)
    return failures


def exceptions(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, str]]:
    """Yield the number of each code cell with an exception that it does not announce, and which."""
    for number, cell in enumerate(code_cells(notebook), 1):
        if "raises-exception" in cell.metadata.get("tags", []):
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                line = [line for line in ANSI.sub("", "\n".join(output.traceback)).splitlines()
                        if "-> " in line][-1:]
                yield number, f"{output.ename}: {output.evalue[:200]} {' '.join(line)}".strip()


def run_script(arguments: list[str], kind: str) -> list[str]:
    """Run a script as a kind of machine would; return a line if it fails."""
    print(f"{kind}:", flush=True)
    done = subprocess.run([sys.executable, *arguments], env=os.environ | variables(kind))
    command = " ".join(arguments)
    return [f"{kind}: {command}: exit status {done.returncode}"] if done.returncode else []


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kinds", default=",".join(OTHERS),
                        help=f"of {', '.join(KINDS)}; 'today': one of them, another each day")
    parser.add_argument("names", nargs="*", metavar="SECTION",
                        help="default: all; behind '--': a script and its arguments")
    arguments = sys.argv[1:] if arguments is None else arguments
    is_script = "--" in arguments
    options = parser.parse_args(arguments)
    kinds = options.kinds.split(",")
    if kinds == ["today"]:
        kinds = [kind_of_today(datetime.date.today())]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"unknown kinds {unknown}; known are {', '.join(KINDS)}")
    if is_script:
        failures = [line for kind in kinds for line in run_script(options.names, kind)]
    else:
        config = load_config(root)
        sections = [path for path in config.section_paths() if has_code(read_notebook(path))]
        if unknown := set(options.names) - {path.stem for path in sections}:
            parser.error(f"no sections with code: {sorted(unknown)}")
        chosen = [path for path in longest_first(sections)
                  if path.stem in (options.names or [path.stem])]
        with ThreadPoolExecutor(SECTIONS_AT_ONCE) as pool:
            jobs = [pool.submit(run_section, path, kind, config)
                    for kind in kinds for path in chosen]
            failures = [line for job in jobs for line in job.result()]
    print(*failures, sep="\n", end="\n" if failures else "")
    print(f"{len(failures)} failures as {', '.join(kinds)}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
