"""Hyperparameter optimization: the package that the chapter's cells define, and what they use.

What a user calls is importable from here; the stub beside this file lists it. A name's module is
loaded when the name is first used, so that importing a searcher or a scheduler does not load torch.
"""
import lazy_loader as lazy

_load, __dir__, __all__ = lazy.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Return a name of the stub, the release of the installed package, or a name that has moved.

    What has moved comes with a DeprecationWarning that says from where to import it.
    """
    if name == "__version__":
        from importlib.metadata import version  # takes as long to load as all of this
        return version("d2l_hpo")
    return _load(name) if name in __all__ or name.startswith("_") else _former(name)


def _former(name: str) -> object:
    """Return a name that has moved from here to a folder; AttributeError for any other."""
    from d2l_hpo.tools.former_names import former_folder
    folder = former_folder(name)
    if folder is None:
        return _load(name)  # raises the error
    import warnings
    from importlib import import_module
    warnings.warn(f"{name} has moved: from d2l_hpo.{folder} import {name}", DeprecationWarning,
                  stacklevel=3)
    return getattr(import_module(f"d2l_hpo.{folder}"), name)

