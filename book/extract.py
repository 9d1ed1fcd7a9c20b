"""Write the modules of d2l_hpo from the `#@save` cells of the chapter, or check them.

    python book/extract.py            write the modules, and the stubs that list what is exported
    python book/extract.py --check    exit 1 and name the modules that differ
"""

from __future__ import annotations

import argparse
import ast
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cells import Cell, read_cells
from config import ROOT, BookConfig, BookError, load_config
from face import MARK, stubs
from files import write
from folding import Chunk, Method, bound_names, class_members, find_class, fold, split_cell
from imports import PACKAGE, Import, import_block, section_imports
from names import BUILTINS, defined_names, used_names

GENERATED = f"{MARK} change the cell and run `make lib`."


@dataclass
class Module:
    """A module of the package while it is put together."""

    name: str
    docstring: str
    dotted: str
    """The name that it is imported by."""
    chunks: list[Chunk] = field(default_factory=list)
    defined: dict[str, str] = field(default_factory=dict)
    """Top-level name -> where it is defined, for messages."""
    imports: set[Import] = field(default_factory=set)
    sources: dict[str, None] = field(default_factory=dict)
    """The sections' file names, in order."""

    def add(self, chunk: Chunk) -> None:
        """Append `chunk`; BookError where it defines a name again."""
        for node in ast.parse(chunk.text).body:
            line = chunk.line + node.lineno - 1
            for name in bound_names(node):
                if name in self.defined:
                    raise chunk.cell.error(f"{name!r} is defined twice in {self.name}; first in "
                                           f"{self.defined[name]}", line)
                self.defined[name] = chunk.cell.where(line)
        for name in defined_names(chunk.text):
            self.defined.setdefault(name, chunk.cell.where(chunk.line))
        self.chunks.append(chunk)
        self.sources[chunk.cell.path.name] = None

    def add_method(self, method: Method) -> bool:
        """Fold `method` into its class if that is defined here; say whether it is."""
        for chunk in self.chunks:
            node = find_class(chunk.text, method.class_name)
            if node:
                if method.name in class_members(node):
                    raise method.cell.error(f"method {method.class_name}.{method.name} is defined "
                                            "twice; remove one", method.line)
                fold(chunk, method)
                self.sources[method.cell.path.name] = None
                return True
        return False

    def text(self) -> str:
        """Return the module's source."""
        header = [GENERATED, "# Sections:", *(f"#   {name}" for name in self.sources),
                  f'"""{self.docstring}"""']
        parts = [import_block(self.imports)] if self.imports else []
        body = "\n\n\n".join(chunk.text for chunk in self.chunks)
        return "\n\n".join(["\n".join(header), *parts]) + "\n\n\n" + body + "\n"


class Extractor:
    """Builds all modules from all sections, then their imports."""

    def __init__(self, config: BookConfig) -> None:
        self.config = config
        self.modules = {name: Module(name, doc, dotted(config, config.module_path(name)))
                        for name, doc in config.modules.items()}
        self.handwritten = handwritten_names(config)
        self.saved: dict[str, dict[str, str]] = {}
        """Section -> name -> the module that this section saves it to."""

    def run(self) -> dict[Path, str]:
        """Return path -> text: every module that has code, and the stubs of all folders."""
        sections = [read_cells(path) for path in self.config.section_paths()]
        parts = [part for cells in sections for part in self._place(cells)]
        self._check_unique()
        for cells in sections:
            imported = section_imports(cells)
            for cell, module, line, text in parts:
                if cell in cells:
                    for name in sorted(used_names(text)):
                        self._resolve(name, cell, line, module, imported)
        self._check_cycles()
        written = {name: module for name, module in self.modules.items() if module.chunks}
        homes = self.handwritten | {name: module.dotted for module in written.values()
                                    for name in module.defined}
        return {self.config.module_path(name): module.text()
                for name, module in written.items()} | stubs(self.config, homes)

    def _place(self, cells: list[Cell]) -> list[tuple[Cell, Module, int, str]]:
        """Put the saved cells of a section into modules; return what was put where."""
        parts = []
        for cell in filter(lambda cell: cell.saved, cells):
            chunks, methods = split_cell(cell)
            for chunk in chunks:
                module = self._target(cell)
                parts.append((cell, module, chunk.line, chunk.text))
                module.add(chunk)
                names = self.saved.setdefault(cell.section, {})
                names.update(dict.fromkeys(defined_names(chunk.text), module.name))
            for method in methods:
                parts.append((cell, self._fold(method), method.line, method.text))
        return parts

    def _target(self, cell: Cell) -> Module:
        name = cell.module or self.config.sections[cell.section]
        if name is None:
            raise cell.error(f"config.ini gives section {cell.section} no module; "
                             "write `#@save module`")
        if name not in self.modules:
            raise cell.error(f"no module {name!r} in config.ini; it lists "
                             f"{', '.join(self.modules)}")
        return self.modules[name]

    def _fold(self, method: Method) -> Module:
        for module in self.modules.values():
            if module.add_method(method):
                return module
        raise method.cell.error(f"method {method.name} is added to class {method.class_name}, "
                                "which no cell up to here saves", method.line)

    def _check_unique(self) -> None:
        """Raise where a public name is defined in two modules: the package exports them all."""
        homes = dict(self.handwritten)
        for module in self.modules.values():
            for name, place in module.defined.items():
                if name in homes and not name.startswith("_"):
                    raise BookError(f"{place}: {name!r} is defined twice in {PACKAGE}; "
                                    f"first in {homes[name]}")
                homes[name] = place

    def _resolve(self, name: str, cell: Cell, line: int, module: Module,
                 imported: dict[str, list[Import]]) -> None:
        """Make `name`, which `cell` uses, known in `module`: by an import, or not at all."""
        if name in module.defined and name in imported:
            self._check_own(name, cell, line, module, imported[name])
        elif name in imported:
            for statement in imported[name]:
                self._add_import(self._home(statement, cell), cell, line, module)
        elif name in module.defined or name in BUILTINS:
            return
        elif name in self.saved.get(cell.section, {}):
            home = self.saved[cell.section][name]
            self._add_import(Import(self.modules[home].dotted, name), cell, line, module)
        else:
            raise cell.error(f"name {name!r} is neither saved nor imported in this section; "
                             "import it, or save the cell that defines it", line)

    def _check_own(self, name: str, cell: Cell, line: int, module: Module,
                   statements: list[Import]) -> None:
        """Raise where `name` is both imported from elsewhere and defined in `module`."""
        own = {module.dotted, module.dotted.rpartition(".")[0], PACKAGE}
        if any(item.module not in own or item.alias for item in statements):
            raise cell.error(f"`{statements[0]}` binds {name!r}, which {module.name} defines in "
                             f"{module.defined[name]}; rename one", line)

    def _home(self, statement: Import, cell: Cell) -> Import:
        """Return an import from the package or a folder of it as one from the name's module."""
        parts = statement.module.split(".")
        folder = self.config.package.joinpath(*parts[1:])
        if parts[0] != PACKAGE or not statement.name or not folder.is_dir():
            return statement
        name = statement.name
        if (folder / f"{name}.py").is_file() or (folder / name).is_dir():
            return statement
        for module in self.modules.values():
            if name in module.defined:
                return Import(module.dotted, name, statement.alias)
        if name in self.handwritten:
            return Import(self.handwritten[name], name, statement.alias)
        raise cell.error(f"`{statement}`: no section saves {name!r} and no module of {PACKAGE} "
                         "defines it")

    def _add_import(self, statement: Import, cell: Cell, line: int, module: Module) -> None:
        if statement.module == module.dotted:
            raise cell.error(f"`{statement}` would import {module.name} into itself; "
                             f"use {statement.name!r} by its own name", line)
        for other in module.imports:
            if other.bound == statement.bound and not other.agrees_with(statement):
                raise cell.error(f"`{statement}` conflicts with `{other}` of another section "
                                 f"that is saved to {module.name}; rename one", line)
        module.imports.add(statement)

    def _check_cycles(self) -> None:
        """Raise where generated modules import each other, which Python cannot load."""
        needs = {name: {item.module.rpartition(".")[2] for item in module.imports}
                 for name, module in self.modules.items()}
        for first in needs:
            for second in needs[first] & set(needs):
                if first in needs[second]:
                    raise BookError(f"modules {first} and {second} import each other; "
                                    "save their cells so that only one needs the other")


def dotted(config: BookConfig, path: Path) -> str:
    """Return the name by which a module's file is imported."""
    return ".".join(path.relative_to(config.root).with_suffix("").parts)


def handwritten_names(config: BookConfig) -> dict[str, str]:
    """Return name -> module for what the modules that are not generated define."""
    names: dict[str, str] = {}
    for path in sorted(config.package.rglob("*.py")):
        if path.stem not in (*config.modules, "__init__", "__main__"):
            own = defined_names(path.read_text(encoding="utf-8"))
            names.update(dict.fromkeys(own, dotted(config, path)))
    return names


def differences(config: BookConfig, wanted: dict[Path, str]) -> dict[Path, str | None]:
    """Return path -> wanted text (None: to be removed) where the package differs."""
    current = {path: path.read_text(encoding="utf-8") for path in config.package.rglob("*.py*")
               if path.suffix in (".py", ".pyi")}
    stale = {path: None for path, text in current.items()
             if path not in wanted and text.startswith(MARK)}
    return {path: text for path, text in wanted.items() if current.get(path) != text} | stale


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    check = parser.parse_args(arguments).check
    try:
        config = load_config(root)
        changed = differences(config, Extractor(config).run())
    except BookError as error:
        print(f"extract: {error}", file=sys.stderr)
        return 1
    for path, text in sorted(changed.items()):
        name = path.relative_to(root)
        if check:
            print(f"{name} differs from the chapter's cells; run `make lib`", file=sys.stderr)
        elif text is None:
            path.unlink()
            print(f"{name}: removed, no cell is saved to it")
        else:
            write(path, text)
            print(f"{name}: written")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
