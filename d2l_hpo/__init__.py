"""Hyperparameter optimization: the package that the chapter's cells define, and what they use.

What a user calls is importable from here; the stub beside this file lists it. A name's module is
loaded when the name is first used, so that importing a searcher or a scheduler does not load torch.
"""
import lazy_loader as lazy

_load, __dir__, __all__ = lazy.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Return a name of the stub, or the release of the installed package."""
    if name == "__version__":
        from importlib.metadata import version  # takes as long to load as all of this
        return version("d2l_hpo")
    return _load(name)

