"""What strangers meet first: workflows, templates and notes name things that exist."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import make
import pytest
import yaml
from config import ROOT, load_config

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
TOP = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB = {"name", "needs", "runs-on", "container", "timeout-minutes", "strategy", "permissions",
       "environment", "env", "if", "steps"}
STEP = {"id", "name", "if", "uses", "with", "run", "env"}


def read(path: Path) -> Any:
    """Return a YAML file; the key `on` stays a word."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    """Return the file, name and content of each job."""
    return [(path.stem, name, job) for path in WORKFLOWS
            for name, job in read(path)["jobs"].items()]


def problems(workflow: dict[str, Any]) -> list[str]:
    """Say what a workflow has that the service would refuse."""
    found = [f"unknown key {key}" for key in {*workflow} - TOP]
    found += [f"no {key}" for key in ("name", "on", "permissions", "jobs") if key not in workflow]
    for name, job in workflow.get("jobs", {}).items():
        found += [f"{name}: unknown key {key}" for key in {*job} - JOB]
        found += [f"{name}: no {key}" for key in ("runs-on", "steps") if key not in job]
        needs = job.get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        found += [f"{name}: needs {other}" for other in needs if other not in workflow["jobs"]]
        matrix = job.get("strategy", {}).get("matrix", {})
        used = set(re.findall(r"matrix\.(\w+)", json.dumps(job)))
        found += [f"{name}: matrix has no {key}" for key in used - {*matrix}]
        for number, step in enumerate(job.get("steps", []), 1):
            found += [f"{name}, step {number}: unknown key {key}" for key in {*step} - STEP]
            if ("run" in step) == ("uses" in step):
                found.append(f"{name}, step {number}: one of run and uses")
            if not re.fullmatch(r"[\w./-]+@[\w./-]+", step.get("uses", "a/b@v1")):
                found.append(f"{name}, step {number}: {step['uses']} has no version")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_a_workflow_is_well_formed(path: Path) -> None:
    assert problems(read(path)) == []


def test_a_workflow_that_is_not_is_found() -> None:
    job = {"needs": "gone", "steps": [{"uses": "actions/checkout"}, {"name": "nothing"}],
           "name": "${{ matrix.system }}"}
    assert problems({"name": "x", "on": "push", "jobs": {"a": job}}) == [
        "no permissions", "a: no runs-on", "a: needs gone", "a: matrix has no system",
        "a, step 1: actions/checkout has no version", "a, step 2: one of run and uses"]


def test_commands_name_targets_and_files_that_exist() -> None:
    commands = "\n".join(step["run"] for _, _, job in jobs() for step in job["steps"]
                         if "run" in step)
    targets = {word for line in re.findall(r"\bmake ([a-z ]+)|make\.py ([a-z ]+)", commands)
               for word in "".join(line).split()}
    assert {"check", "html", "elsewhere"} <= targets <= {*make.TARGETS}
    paths = set(re.findall(r"(?:tests|book|\.ci|\.github)/[\w/.]+", commands))
    assert {"tests/package", ".ci/run", ".github/lowest.txt"} <= paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_core_is_tested_with_every_python_on_every_system() -> None:
    [matrix] = [job["strategy"]["matrix"] for _, name, job in jobs() if name == "core"]
    versions = [item.rsplit(" ", 1)[1] for item in PROJECT["classifiers"]
                if re.search(r":: 3\.\d+$", item)]
    assert matrix["python"] == versions
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert make.NEWER == tuple(map(int, versions[0].split(".")))
    assert {name.split("-")[0] for name in matrix["system"]} == {"ubuntu", "macos", "windows"}
    assert {"system": "ubuntu-latest", "python": versions[0],
            "versions": "lowest"} in matrix["include"]


def test_lowest_versions_are_those_of_the_project() -> None:
    lines = (FOLDER / "lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = dict(line.split("==") for line in lines if not line.startswith("#"))
    declared = dict(item.split(">=") for item in PROJECT["dependencies"])
    assert {*lowest} == {*declared}
    for name, version in declared.items():
        assert re.fullmatch(rf"{re.escape(version)}(\.0)*", lowest[name]), name


@pytest.mark.parametrize("path", sorted((FOLDER / "ISSUE_TEMPLATE").glob("*.yml")),
                         ids=lambda path: path.stem)
def test_a_form_for_issues_asks_for_something(path: Path) -> None:
    form = read(path)
    assert {*form} == {"name", "description", "body"}
    assert all(item["type"] == "textarea" and item["attributes"]["label"] for item in form["body"])


def test_hooks_before_a_commit_run_what_is_there() -> None:
    [repository] = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local" and len(repository["hooks"]) == 3
    source = (ROOT / "book" / "make.py").read_text(encoding="utf-8")
    for hook in repository["hooks"]:
        words = hook["entry"].split()
        assert words[0] == "ruff" or (ROOT / words[1]).is_file()
        assert words[0] == "ruff" or ", ".join(f'"{word}"' for word in words[1:]) in source
        re.compile(hook.get("files", ""))


def test_the_citation_is_of_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    config = load_config()
    assert citation["version"] == config.release and citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [config.authors]
    assert citation["title"].startswith(config.title)
    assert citation.get("repository-code", "") == config.repository


def test_the_container_for_developers_sets_up_the_book() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(
        encoding="utf-8"))
    assert container["postCreateCommand"] == "make install"


def test_text_has_the_same_line_ends_everywhere() -> None:
    rules = (ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines()
    assert "* text=auto eol=lf" in rules


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md",
                                  "SECURITY.md", "PACKAGE.md", ".github/pull_request_template.md"])
def test_links_into_the_repository_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)", text)
    for link in map("".join, links):
        assert link.startswith("https://") or (ROOT / name).parent.joinpath(link).exists(), link
