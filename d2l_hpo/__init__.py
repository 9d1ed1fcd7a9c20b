"""Hyperparameter optimization: the package that the chapter's cells define, and what they use.

What a user calls is importable from here; the stub beside this file lists it. A name's module is
loaded when the name is first used, so that importing a searcher or a scheduler does not load torch.
"""
import warnings

import lazy_loader as lazy

from d2l_hpo.tools.installation import installation_hint

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
__version__ = "0.1.0"

if _hint := installation_hint():
    warnings.warn(_hint, UserWarning, stacklevel=2)
