"""Write the modules of d2l_hpo from the `#@save` cells of the chapter, or check them.

    python book/extract.py            write the modules, and the stubs that list what is exported
    python book/extract.py --check    exit 1 and name the modules that differ
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cells import Cell, read_cells
from config import ROOT, BookConfig, BookError, load_config
from docstrings import check_used, lengthen, read_additions
from face import MARK, stubs
from files import read_source, update
from folding import Piece, defined_names, split_cell
from imports import Import, section_imports
from lint import Names, read_names, sort_imports

PACKAGE = "d2l_hpo"
GENERATED = f"{MARK} change the cell and run `make lib`."
COMPAT = (f"from {PACKAGE}.training import compat  # noqa: F401  "
          "(before torch: it mends torchvision)")
NEEDS_COMPAT = {"torch", "torchvision", "d2l"}


@dataclass
class Module:
    """A module of the package while it is put together."""

    name: str
    docstring: str
    dotted: str
    """The name that it is imported by."""
    pieces: list[Piece] = field(default_factory=list)
    defined: dict[str, str] = field(default_factory=dict)
    """Top-level name -> where it is defined, for messages."""
    imports: set[Import] = field(default_factory=set)
    sources: dict[str, None] = field(default_factory=dict)
    """The sections' file names, in order."""

    def import_lines(self) -> str:
        """Return the import statements, in no order."""
        roots = {item.module.split(".")[0] for item in self.imports}
        return "\n".join([*map(str, self.imports), *([COMPAT] if roots & NEEDS_COMPAT else [])])

    def text(self, imports: str) -> str:
        """Return the module's source with these import statements."""
        header = [GENERATED, "# Sections:", *(f"#   {name}" for name in self.sources),
                  f'"""{self.docstring}"""']
        head = "\n".join(header) + (f"\n\n{imports}" if imports else "")
        return "\n\n\n".join([head, *(piece.text for piece in self.pieces)]) + "\n"


class Extractor:
    """Builds all modules from all sections, then their imports."""

    def __init__(self, config: BookConfig) -> None:
        self.config = config
        self.modules = {name: Module(name, doc, dotted(config, config.module_path(name)))
                        for name, doc in config.modules.items()}
        self.homes = handwritten_names(config)
        """Name -> the module that defines it."""
        self.places = dict(self.homes)
        """Name -> where it is defined, for messages."""
        self.saved: dict[tuple[str, str], str] = {}
        """Section and name -> the module that this section saves it to."""

    def run(self) -> dict[Path, str]:
        """Return path -> text: every module that has code, and the stubs of all folders."""
        placed = [item for path in self.config.section_paths() for item in self._place(path)]
        found = read_names([([*map(str, imports)], piece.code) for piece, _, imports in placed])
        for (piece, module, imports), names in zip(placed, found, strict=True):
            self._resolve(piece, module, imports, names)
        self._check_cycles()
        written = [module for module in self.modules.values() if module.pieces]
        imports = sort_imports([module.import_lines() for module in written])
        texts = [module.text(lines) for module, lines in zip(written, imports, strict=True)]
        additions = read_additions(self.config.reference)
        check_used(additions, texts)
        return {self.config.module_path(module.name): lengthen(text, additions)
                for module, text in zip(written, texts, strict=True)
                } | stubs(self.config, self.homes)

    def _place(self, path: Path) -> list[tuple[Piece, Module, list[Import]]]:
        """Put the saved cells of a section into modules; return what was put where."""
        cells = read_cells(path)
        imports = section_imports(cells)
        pieces = [piece for cell in cells if cell.saved for piece in split_cell(cell)]
        return [(piece, self._fold(piece) if piece.class_name else self._add(piece), imports)
                for piece in pieces]

    def _add(self, piece: Piece) -> Module:
        """Append a piece to its module; BookError where it defines a name again.

        A public name is defined once in the package, which exports them all.
        """
        cell = piece.cell
        module = self._target(cell)
        module.pieces.append(piece)
        module.sources[cell.path.name] = None
        for name, line in piece.names:
            known = module.defined if name.startswith("_") else self.places
            if name in known:
                raise cell.error(f"{name!r} is defined twice in {PACKAGE}; first in "
                                 f"{known[name]}", line)
            module.defined[name] = self.places[name] = cell.where(line)
            self.homes[name] = self.saved[cell.section, name] = module.dotted
        return module

    def _target(self, cell: Cell) -> Module:
        name = cell.module or self.config.sections[cell.section]
        if name is None:
            raise cell.error(f"config.ini gives section {cell.section} no module; "
                             "write `#@save module`")
        if name not in self.modules:
            raise cell.error(f"no module {name!r} in config.ini; it lists "
                             f"{', '.join(self.modules)}")
        return self.modules[name]

    def _fold(self, method: Piece) -> Module:
        for module in self.modules.values():
            if any(piece.fold(method) for piece in module.pieces):
                module.sources[method.cell.path.name] = None
                return module
        raise method.error(f"method {method.names[0][0]} is added to class {method.class_name}, "
                           "which no cell up to here saves", f"def {method.names[0][0]}")

    def _resolve(self, piece: Piece, module: Module, imports: list[Import], names: Names) -> None:
        """Make the names that a piece takes from outside known in its module, by imports."""
        needed = [self._home(statement, piece) for index, statement in enumerate(imports)
                  if index not in names.unused]
        for name, line in names.unknown:
            home = self.saved.get((piece.cell.section, name))
            if home and name not in module.defined:
                needed.append(Import(home, name))
            elif name not in module.defined:
                raise piece.cell.error(f"name {name!r} is neither saved nor imported in this "
                                       "section; import it, or save the cell that defines it",
                                       piece.line + line - 1)
        for statement in needed:
            self._add_import(statement, piece, module)

    def _home(self, statement: Import, piece: Piece) -> Import:
        """Return an import from the package or a folder of it as one from the name's module."""
        package, *parts = statement.module.split(".")
        folder, name = self.config.package.joinpath(*parts), statement.name
        if package != PACKAGE or not name or not folder.is_dir():
            return statement
        if (folder / f"{name}.py").is_file() or (folder / name).is_dir():
            return statement
        if name not in self.homes:
            raise piece.error(f"`{statement}`: no section saves {name!r} and no module of "
                              f"{PACKAGE} defines it", statement.bound)
        return statement._replace(module=self.homes[name])

    def _add_import(self, statement: Import, piece: Piece, module: Module) -> None:
        name = statement.bound
        if statement == Import(module.dotted, name):
            return  # the name lives here
        if name in module.defined:
            raise piece.error(f"`{statement}` binds {name!r}, which {module.name} defines in "
                              f"{module.defined[name]}; rename one", name)
        if statement.module == module.dotted:
            raise piece.error(f"`{statement}` would import {module.name} into itself; "
                              f"use {statement.name!r} by its own name", name)
        for other in module.imports:
            if not other.agrees_with(statement):
                raise piece.error(f"`{statement}` conflicts with `{other}` of another section "
                                  f"that is saved to {module.name}; rename one", name)
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
    for path in sorted({*config.package.rglob("*.py")} - {*generated_files(config)}):
        if path.stem not in (*config.modules, "__init__", "__main__"):
            own = defined_names(read_source(path))
            names.update(dict.fromkeys(own, dotted(config, path)))
    return names


def generated_files(config: BookConfig) -> list[Path]:
    """Return the files of the package that say that they are generated."""
    return [path for path in config.package.rglob("*.py*") if path.suffix in (".py", ".pyi")
            and read_source(path).startswith(MARK)]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    check = parser.parse_args(arguments).check
    try:
        config = load_config(root)
        return update(root, Extractor(config).run(), generated_files(config), check, "lib")
    except BookError as error:
        print(f"extract: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
