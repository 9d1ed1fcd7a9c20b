"""Make the book and test it, on every system: `make TARGET` runs this, and it needs no make.

    python book/make.py [TARGET ...]        book by default; see --help for all
    python book/make.py book --torch-index ADDRESS      a CPU-only torch
    python book/make.py elsewhere --kinds avx2,plain    only these kinds of machines

Everything but `install` runs with the Python of .venv, which is made when it is missing or when
requirements.txt or pyproject.toml have changed. This file runs before that, so it imports nothing
beyond the standard library.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEWER = (3, 11)  # the oldest Python that will do

# d2l pins versions that no longer install; Syne Tune asks for hundreds of megabytes that we never
# use, and one benchmark for a version that another one excludes.
WITHOUT_DEPENDENCIES = ("d2l==1.0.3", "syne-tune==0.16.0")
BENCHMARKS_WITHOUT_DEPENDENCIES = ("huggingface_hub==0.36.0",)

# What an environment that is active outside would let reach into .venv.
OUTSIDE = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX")
ALWAYS = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONHASHSEED": "0"}

PDF_PACKAGES = (
    "latexmk texlive-xetex texlive-latex-recommended texlive-latex-extra "
    "texlive-fonts-recommended texlive-plain-generic tex-gyre fonts-freefont-otf "
    "fonts-dejavu-core libcairo2")
BUILT = ("_build", "build", "dist", "d2l_hpo.egg-info", ".pytest_cache", ".ruff_cache",
         ".hypothesis")
# An environment over .venv: it sees all of .venv and this folder, and its own packages first.
LAYER = """import pathlib, sys, sysconfig
paths = sysconfig.get_paths(vars=dict.fromkeys(("base", "platbase"), sys.argv[1]))
lines = [sysconfig.get_path("purelib"), sys.argv[2]]
pathlib.Path(paths["purelib"], "layer.pth").write_text("\\n".join(lines), encoding="utf-8")
"""
# Of the tests: many wait for something, so one more than cores; each may take a gigabyte.
PROCESSES = ("-n", str(min((os.cpu_count() or 1) + 1, 4)))
OUTSIDE_TESTS = ("tests/book/test_guide.py", "tests/package/test_optuna_study.py")
BENCHMARKS = ("training", "vectorized", "simulator", "search_quality", "suggest_time", "refits",
              "branches", "parallel", "schedulers", "search_cv")


class Failure(Exception):
    """A step that did not end well, by its exit status; what went wrong has been printed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def venv_python(venv: Path, system: str = os.name) -> Path:
    """Return the Python of an environment; `system` is `os.name`, "nt" on Windows."""
    return venv / "Scripts" / "python.exe" if system == "nt" else venv / "bin" / "python"


class Maker:
    """Runs the steps of the targets in the folder `root`."""

    def __init__(self, root: Path = ROOT, torch_index: str = "", kinds: str = "") -> None:
        self.root, self.torch_index, self.kinds = root, torch_index, kinds
        self.venv = root / ".venv"
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in OUTSIDE} | ALWAYS
        self.is_installed = False

    # -- steps ------------------------------------------------------------------------------------

    def run(self, *command: str | Path, folder: Path | None = None,
            variables: Mapping[str, str | None] | None = None, output: Path | None = None) -> None:
        """Run a program in a folder, by default the root; Failure if it does not end well.

        `variables` are further variables of the environment, None to leave one out. `output` is a
        file for what the program prints.
        """
        changed = self.environment | (variables or {})
        environment = {name: value for name, value in changed.items() if value is not None}
        words = [str(word) for word in command]
        if output is None:
            done = subprocess.run(words, cwd=folder or self.root, env=environment, check=False)
        else:
            with open(output, "wb") as file:
                done = subprocess.run(words, cwd=folder or self.root, env=environment, check=False,
                                      stdout=file, stderr=subprocess.STDOUT)
        if done.returncode:
            raise Failure(done.returncode if done.returncode > 0 else 1)  # below 0: a signal

    def python(self, *arguments: str | Path,
               variables: Mapping[str, str | None] | None = None) -> None:
        """Run the Python of .venv, which is complete."""
        self.install()
        self.run(venv_python(self.venv), *arguments, variables=variables)

    def stamp(self) -> str:
        """Return what an environment depends on: this folder, and the files that name packages."""
        files = (self.root / name for name in ("requirements.txt", "pyproject.toml"))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
        return f"{self.root}\n{digest}\n"

    def sphinx(self, builder: str, output: str) -> None:
        """Let Sphinx write the executed sections in a form."""
        self.python("-m", "sphinx", "-q", "-W", "--keep-going", "-c", "book", "-b", builder,
                    "-d", f"_build/doctrees/{builder}", "_build/notebooks", output)

    # -- targets ----------------------------------------------------------------------------------

    def book(self) -> None:
        """Execute the sections, write web pages and, with latexmk, the PDF (default)."""
        self.executed()
        status = 0
        try:  # the PDF first, since pages link to it where it is there; pages are made in any case
            self.paper()
        except Failure as failure:
            status = failure.status
        self.pages()
        if status:
            raise Failure(status)
        self.python("book/notebooks.py", "statements")

    def test(self) -> None:
        """Set up, build, then run all tests, the notebooks' second run included."""
        self.book()
        self.python("-m", "pytest", *PROCESSES, "tests")
        self.again()

    def again(self) -> None:
        """Run executed notebooks again; where CI is not set, only those that have not passed yet.
        """
        build = self.root / "_build"
        passed = build / "passed.json"
        pages = {path: build / "notebooks" / f"{path.stem.rpartition('-')[0]}.ipynb"
                 for path in sorted((build / "cache").glob("*.ipynb"))}
        outputs = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in pages}
        before = (json.loads(passed.read_text(encoding="utf-8"))
                  if passed.is_file() and "CI" not in self.environment else {})
        due = [page for path, page in pages.items()  # a section that has left the book has no page
               if page.is_file() and before.get(path.name) != outputs[path.name]]
        if not due:
            return print("no notebook has changed since its second run")
        variables = {"MPLBACKEND": None, "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1",
                     "IPYTHONDIR": str(self.root / "_build" / "ipython")}
        self.python("-m", "pytest", *PROCESSES, "--dist", "loadfile", "--nbval",
                    "--nbval-sanitize-with", "tests/nbval.cfg", "--nbval-cell-timeout", "7200",
                    "--nbval-kernel-startup-timeout", "600", *due, variables=variables)
        passed.write_text(json.dumps(outputs), encoding="utf-8")

    def outside(self) -> None:
        """Test with MLflow, TensorBoard and Optuna, in an environment over .venv."""
        self.install()
        venv = self.root / "_build" / "outside"
        python = venv_python(venv)
        self.python("-m", "venv", "--clear", venv)
        self.python("-c", LAYER, venv, self.root)
        self.run(python, "-m", "pip", "install", "--quiet", "-r", "tests/outside.txt")
        # where one of them is missing, a test would be skipped
        self.run(python, "-c", "import mlflow, optuna, optuna_dashboard, tensorboard")
        self.run(python, "-m", "pytest", *OUTSIDE_TESTS, "-k",
                 "optuna or mlflow or tensorboard or names_what")

    def install(self) -> None:
        """Make .venv with everything in requirements.txt and this project."""
        if self.is_installed:
            return
        stamp, python = self.venv / ".installed", venv_python(self.venv)
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != self.stamp():
            if not self.has_pip(python):
                self.run(sys.executable, "-m", "venv", "--clear", self.venv)
            pip = (python, "-m", "pip", "install")
            if self.torch_index:
                self.run(*pip, "--no-deps", "--index-url", self.torch_index, *self.torch_pins())
            self.run(*pip, "--quiet", "-r", "requirements.txt")
            self.run(*pip, "--quiet", "--no-deps", *WITHOUT_DEPENDENCIES)
            self.run(*pip, "-qq", "--no-deps", "--no-build-isolation", "--editable", ".")
            stamp.write_text(self.stamp(), encoding="utf-8", newline="\n")
        self.is_installed = True

    def lib(self) -> None:
        """Write d2l_hpo/*.py from the cells that sections save."""
        self.python("book/extract.py")

    def notebooks(self) -> None:
        """Write notebooks/*.ipynb (without outputs) from the sections."""
        self.python("book/notebooks.py", "sync")

    def drawings(self) -> None:
        """Write img/*.svg from img/src, and with node img/lab from the laboratory."""
        self.python("-m", "img.src")
        self.python("book/laboratory.py")

    def executed(self) -> None:
        """Write executed copies of the sections to _build/notebooks."""
        self.lib()
        self.notebooks()
        self.drawings()
        self.python("book/notebooks.py", "execute")

    def html(self) -> None:
        """Write the web pages to _build/html."""
        self.executed()
        self.pages()

    def pages(self) -> None:
        """Write the web pages of what has been executed."""
        self.sphinx("html", "_build/html")
        print("web pages: _build/html/index.html", flush=True)

    def pdf(self) -> None:
        """Write _build/pdf/d2l_hpo.pdf, if latexmk and xelatex are there."""
        self.executed()
        self.paper()

    def paper(self) -> None:
        """Write the PDF of what has been executed."""
        latexmk = shutil.which("latexmk")
        if not latexmk or not shutil.which("xelatex"):
            print("no PDF: latexmk or xelatex is missing; on Debian: apt install "
                  f"{PDF_PACKAGES}", flush=True)
            return
        self.sphinx("latex", "_build/latex")
        folder, pdf = self.root / "_build" / "latex", self.root / "_build" / "pdf"
        try:
            self.run(latexmk, "-pdfxe", "-silent", "-interaction=nonstopmode", "-halt-on-error",
                     "d2l_hpo.tex", folder=folder, output=folder / "latexmk.out")
        except Failure:
            for path in filter(Path.is_file, (folder / "latexmk.out", folder / "d2l_hpo.log")):
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                print(f"==> {path.name} <==", *lines[-40:], sep="\n", flush=True)
            raise
        pdf.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "d2l_hpo.pdf", pdf)
        self.python("book/excerpt.py", "_build/pdf/d2l_hpo.pdf", "Cheat Sheet",
                    "_build/pdf/cheatsheet.pdf")
        print("PDF: _build/pdf/d2l_hpo.pdf", flush=True)

    def check(self) -> None:
        """Lint, check types, and compare the generated files with the sections."""
        self.python("book/extract.py", "--check")
        self.python("book/notebooks.py", "sync", "--check")
        self.python("-m", "img.src", "--check")
        self.python("book/laboratory.py", "--check")
        self.python("book/limits.py")
        self.python("-m", "ruff", "check")
        self.python("book/check_types.py")

    def elsewhere(self) -> None:
        """Run the sections as other processors would; list what fails (an hour)."""
        kinds = ("--kinds", self.kinds) if self.kinds else ()
        self.python("book/elsewhere.py", *kinds)

    def lab(self) -> None:
        """Open the sections in JupyterLab."""
        self.notebooks()
        self.python("-m", "jupyterlab", "--notebook-dir", "notebooks")

    def bench(self) -> None:
        """Compare speed and search quality with other libraries (about an hour)."""
        self.python("-m", "pip", "install", "--quiet", "-r", "benchmarks/requirements.txt")
        self.python("-m", "pip", "install", "--quiet", "--no-deps",
                    *BENCHMARKS_WITHOUT_DEPENDENCIES)
        for name in BENCHMARKS:
            self.python("-m", f"benchmarks.{name}")

    def clean(self) -> None:
        """Remove everything that was built, but not .venv."""
        for name in BUILT:
            path = self.root / name
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)
        for folder, names, _ in os.walk(self.root):
            if "__pycache__" in names:
                shutil.rmtree(Path(folder, "__pycache__"))
            names[:] = [name for name in names if name not in ("__pycache__", self.venv.name)]

    # -- parts of install -------------------------------------------------------------------------

    def has_pip(self, python: Path) -> bool:
        """Say whether an environment is there and can install packages."""
        return python.is_file() and subprocess.run(
            [str(python), "-m", "pip", "--version"], env=self.environment, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def torch_pins(self) -> list[str]:
        """Return the lines of requirements.txt that name torch and torchvision."""
        lines = (self.root / "requirements.txt").read_text(encoding="utf-8-sig").splitlines()
        return [line for line in lines if line.startswith(("torch==", "torchvision=="))]


TARGETS: dict[str, Callable[[Maker], None]] = {
    name: getattr(Maker, name)
    for name in ("book", "test", "outside", "lab", "check", "lib", "notebooks", "drawings",
                 "executed", "html", "pages", "pdf", "paper", "elsewhere", "bench", "install",
                 "clean")}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return the exit status."""
    if sys.version_info[:2] < NEWER:
        wanted, found = (".".join(map(str, version)) for version in (NEWER, sys.version_info[:3]))
        print(f"Python {found} is too old: Python {wanted} or newer is needed; name it, for "
              "example: make PYTHON=python3.12, or python3.12 book/make.py", file=sys.stderr)
        return 1
    listed = "\n".join(f"    {name:<10} {function.__doc__}" for name, function in TARGETS.items())
    parser = argparse.ArgumentParser(
        description="Make the book and test it.", epilog=f"targets:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="by default: book")
    parser.add_argument("--torch-index", default="", metavar="ADDRESS",
                        help="index address that pytorch.org shows for the CPU")
    parser.add_argument("--kinds", default="", metavar="KIND,...",
                        help="of `elsewhere`; `today`: one of them, another each day")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"there is no target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    maker = Maker(root, options.torch_index, options.kinds)
    try:
        for name in options.targets or ["book"]:
            TARGETS[name](maker)
    except Failure as failure:
        return failure.status
    except FileNotFoundError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
