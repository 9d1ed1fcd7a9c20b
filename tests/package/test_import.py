"""Importing the package: lazily, with packages missing, and with torchvision's operators missing.

Cases that depend on what is loaded run in a process of their own.
"""
import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import load_config

import d2l_hpo
from d2l_hpo.tools.former_names import FORMER_NAMES
from d2l_hpo.tools.installation import d2l_command, install_command, needs

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "d2l_hpo"
TORCH_COMMAND, D2L_COMMAND = install_command("torch"), d2l_command()

HIDE = """
import sys
from importlib.machinery import PathFinder

class Hiding:
    def find_spec(name, path=None, target=None):
        return None if name in {hidden} else PathFinder.find_spec(name, path, target)
    find_distributions = PathFinder.find_distributions

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""

# torchvision's import treats an operator library that does not load as missing
BREAK_OPERATORS = """
import torch
def refuse(path): raise OSError("built for another torch")
torch.ops.load_library = refuse
"""


def run(*arguments):
    """Run Python and return what it wrote to stdout and stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
    done = subprocess.run([sys.executable, *arguments], env=environment, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


# -- lazy names -----------------------------------------------------------------------------------

FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def public_names():
    """Each folder of the package, each module in it, and what the module defines for others."""
    definitions = (ast.FunctionDef, ast.ClassDef)
    for path in sorted(PACKAGE.glob("*/[!_]*.py")):
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        names = [node.name for node in nodes if isinstance(node, definitions)]
        yield path.parent.name, path.stem, [name for name in names if not name.startswith("_")]


@pytest.mark.parametrize(("folder", "module", "names"), list(public_names()))
def test_every_name_is_exported_from_its_folder(folder, module, names):
    exporting = importlib.import_module(f"d2l_hpo.{folder}")
    defined = importlib.import_module(f"d2l_hpo.{folder}.{module}")
    for name in names:
        assert getattr(exporting, name) is getattr(defined, name)
        assert name in exporting.__all__


def test_every_exported_name_exists():
    assert d2l_hpo.__all__ == dir(d2l_hpo)
    for name in d2l_hpo.__all__:
        assert getattr(d2l_hpo, name) is not None


def test_the_root_offers_about_a_hundred_names_and_no_plumbing():
    assert len(d2l_hpo.__all__) <= 107
    homes = {getattr(getattr(d2l_hpo, name), "__module__", "") for name in d2l_hpo.__all__}
    assert not [home for home in homes if home.startswith("d2l_hpo.tools")]


FORMER = [(folder, name) for folder, names in FORMER_NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("folder", "name"), FORMER, ids=[name for _, name in FORMER])
def test_a_name_that_has_moved_comes_with_a_warning_that_says_where_it_is(folder, name):
    assert name not in d2l_hpo.__all__
    with pytest.warns(DeprecationWarning, match=f"from d2l_hpo.{folder} import {name}$") as caught:
        value = getattr(d2l_hpo, name)
    assert value is getattr(importlib.import_module(f"d2l_hpo.{folder}"), name)
    assert caught[0].filename == __file__


def test_a_script_that_imports_what_has_moved_runs_and_is_warned_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from d2l_hpo import HPOTuner, check_int, write_file\n"
                      "print(check_int('n', 3))\n", encoding="utf-8")
    output, warning = run(str(script))
    assert output == "3" and warning.count("DeprecationWarning") == 2
    assert "script.py:1: DeprecationWarning: check_int has moved: from d2l_hpo.tools" in warning


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = d2l_hpo.no_such_name


def test_importing_the_package_loads_neither_torch_nor_scipy():
    heavy = "{'torch', 'torchvision', 'd2l', 'scipy', 'numpy', 'pandas', 'matplotlib'}"
    assert run("-c", f"import sys, d2l_hpo; print({heavy} & set(sys.modules))") == ("set()", "")


LIGHT = [f"{folder}.{path.stem}" for folder in ("searchers", "schedulers", "spaces")
         for path in sorted((PACKAGE / folder).glob("[!_]*.py")) if path.stem != "log_randint"]
HEAVY = {"torch", "pandas", "sklearn", "scipy.stats", "pebble", "cloudpickle", "filelock"}


def loaded(*modules, heavy=frozenset(HEAVY)):
    """Return which heavy libraries modules of the package load."""
    imports = ", ".join(f"d2l_hpo.{module}" for module in modules)
    code = f"import sys, {imports}; print(*sorted({{*{[*heavy]}}} & set(sys.modules)))"
    output, _ = run("-c", code)
    return output.split()


def test_searchers_schedulers_and_spaces_load_no_heavy_library():
    assert {"searchers.tpe", "schedulers.asha", "spaces.space"} <= {*LIGHT}
    assert loaded(*LIGHT) == []
    assert loaded("spaces.log_randint") == ["scipy.stats"]


def test_a_searcher_a_scheduler_and_the_tuner_load_no_part_of_scipy():
    parts = {"scipy.special", "scipy.linalg", "scipy.spatial", "scipy.optimize", "scipy._lib._util"}
    modules = ("searchers.searcher", "searchers.tpe", "schedulers.asha", "tuning.tuner")
    assert loaded(*modules, heavy=HEAVY | parts) == []


def test_the_tuner_loads_process_pools_and_locks_when_they_are_used():
    assert loaded("tuning.tuner") == []
    assert loaded("tuning.workers", "tuning.journal") == ["filelock", "pebble"]


def test_scikit_learn_is_loaded_where_its_searches_are_used():
    modules = ", ".join(f"d2l_hpo.{name}" for name in [*LIGHT, "tuning.tuner", "estimators.parts"])
    check = "print('sklearn' in sys.modules, 'joblib' in sys.modules)"
    assert run("-c", f"import sys, d2l_hpo.estimators, {modules}; {check}")[0] == "False False"


def test_no_other_folder_knows_the_estimators():
    others = [path for path in PACKAGE.glob("*/*.py") if path.parent.name != "estimators"]
    assert others and not [path for path in others
                           if "d2l_hpo.estimators" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("hidden", ["sklearn", "joblib"])
def test_without_scikit_learn_its_search_says_what_to_install(hidden):
    code = HIDE.format(hidden=[hidden]) + """
import d2l_hpo
try:
    d2l_hpo.HPOSearchCV
except ImportError as error:
    print(error)
"""
    message = run("-c", code)[0]
    assert message.startswith("HPOSearchCV needs the extra 'sklearn' (")
    assert message.endswith('; run: python -m pip install "d2l_hpo[sklearn]"')


def test_the_version_is_the_projects_and_is_looked_up_when_asked_for():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{d2l_hpo.__version__}"' in pyproject
    code = "import sys, d2l_hpo; print('importlib.metadata' in sys.modules)"
    assert run("-c", code) == ("False", "")


# -- missing packages -----------------------------------------------------------------------------

USE_WITHOUT = """
import d2l_hpo, numpy as np
from d2l_hpo import categorical, sample_configuration
print(sample_configuration({"x": categorical([1])}, np.random.default_rng(0)))
try:
    d2l_hpo.FashionMNIST
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(("hidden", "message"), [
    (["torch"], f"d2l_hpo cannot train without torch; run: {TORCH_COMMAND}"),
    (["torchvision"], f"d2l_hpo cannot train without torchvision; run: {TORCH_COMMAND}"),
    (["d2l"], f"d2l_hpo cannot train without d2l; run: {D2L_COMMAND}"),
    (["torch", "torchvision", "d2l"], "d2l_hpo cannot train without torch and torchvision and d2l; "
                                      f"run: {TORCH_COMMAND} && {D2L_COMMAND}"),
])
def test_a_missing_package_is_named_where_it_is_used_with_the_command_to_run(hidden, message):
    output, warning = run("-c", HIDE.format(hidden=hidden) + USE_WITHOUT)
    assert output.splitlines() == ["{'x': 1}", message]
    assert warning == ""


USE_ALL = """
import d2l_hpo
for name in d2l_hpo.__all__:
    try:
        getattr(d2l_hpo, name)
    except ImportError as error:
        print(name, error, sep=": ")
"""
OPTIONAL = ["torch", "torchvision", "d2l", "matplotlib", "matplotlib_inline", "PIL", "IPython",
            "sklearn", "ray", "psutil", "syne_tune", "dask", "distributed"]


def test_without_any_extra_each_name_is_there_or_says_in_one_line_what_to_run():
    output, warning = run("-c", HIDE.format(hidden=OPTIONAL) + USE_ALL)
    said = dict(line.split(": ", 1) for line in output.splitlines())
    assert warning == "" and all("; run: python -m pip install " in text for text in said.values())
    roles = load_config().public
    trains = {*roles["Training"], *roles["Data"]} - {"CrossValidation", "reproducible"}
    draws = {*roles["Figures"]} - {"COLORS", "search_page"}
    assert trains <= {*said} and draws <= {*said}
    core = {name for role in ("Configuration spaces", "Searchers", "Models", "Schedulers", "Tuning",
                              "Measures", "Clusters") for name in roles[role]}
    assert not core & {*said}


@pytest.mark.parametrize(("extra", "module", "hidden"), [
    ("plots", "figures.plots", "matplotlib"), ("plots", "figures.plots", "matplotlib_inline"),
    ("plots", "figures.animation", "PIL"), ("plots", "figures.notebook", "IPython"),
    ("sklearn", "simulation.surrogate", "sklearn"),
    ("sklearn", "simulation.task_training", "sklearn")])
def test_a_missing_extra_is_named_by_each_module_that_needs_it(extra, module, hidden):
    code = f"try: import d2l_hpo.{module}\nexcept ImportError as error: print(error)"
    [line] = run("-c", HIDE.format(hidden=[hidden]) + code)[0].splitlines()
    assert f"needs the extra '{extra}' (" in line
    assert line.endswith(f"; run: {install_command(extra)}")


def test_the_reason_is_kept_on_one_line():
    with pytest.raises(ImportError) as caught, needs("plots", "a figure"):
        raise ImportError("a library\n  is broken")
    assert str(caught.value) == ("a figure needs the extra 'plots' (a library is broken); run: "
                                 'python -m pip install "d2l_hpo[plots]"')
    assert isinstance(caught.value.__cause__, ImportError)


def test_other_errors_of_an_import_pass_unchanged():
    with pytest.raises(ZeroDivisionError), needs("plots", "a figure"):
        _ = 1 / 0


# -- torchvision's operators ----------------------------------------------------------------------

def test_without_the_mending_torchvision_dies():
    with pytest.raises(AssertionError, match="operator torchvision::nms does not exist"):
        run("-c", BREAK_OPERATORS + "import torchvision")


USE_TORCHVISION = """
    import torch, torchvision
    from d2l import torch as d2l
    model = torchvision.models.resnet18(num_classes=10)
    print(tuple(model(torch.zeros(2, 3, 32, 32)).shape), d2l.Trainer.__name__)
    image = torchvision.transforms.ToPILImage()(torch.zeros(1, 4, 4))
    print(torchvision.transforms.ToTensor()(image).shape[0])
"""
USED = "(2, 10) Trainer\n1"


@pytest.mark.parametrize("name", ["compat", "FashionMNIST"])
def test_torchvision_works_after_the_mending(name):
    code = f"{BREAK_OPERATORS}\nfrom d2l_hpo.training import {name}\nif True:\n{USE_TORCHVISION}"
    assert run("-c", code)[0] == USED


def test_torchvision_works_in_a_spawned_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"""
import multiprocessing
{BREAK_OPERATORS}
def use():
    from d2l_hpo.training import compat
{USE_TORCHVISION}
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=use)
    process.start()
    process.join()
    raise SystemExit(process.exitcode)
""", encoding="utf-8")
    assert run(str(script))[0] == USED


def test_operators_that_exist_are_left_alone():
    code = f"""
{BREAK_OPERATORS}
torch.library.define("torchvision::nms", "(Tensor dets, Tensor scores, float t) -> Tensor")
from d2l_hpo.training import compat
print(torch.ops.torchvision.nms.default._schema)
print(torch.ops.torchvision.qnms.default._schema.name, compat.declare_missing_operators())
"""
    nms, qnms = run("-c", code)[0].splitlines()
    assert "float t)" in nms
    assert qnms == "torchvision::qnms []"


def test_a_torchvision_that_fits_is_imported_as_it_is(tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("""
import torch
# like the library of a torchvision that fits: this fails where the operator has been declared
torch.library.define("torchvision::nms", "(Tensor dets, Tensor scores, float t) -> Tensor")
""", encoding="utf-8")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from d2l_hpo.training import compat
print(sys.modules["torchvision"].__file__ == {str(package / "__init__.py")!r})
print(compat.import_torchvision(), hasattr(compat.torch.ops.torchvision, "qnms"))
"""
    assert run("-c", code)[0].splitlines() == ["True", "[] False"]
