"""Pages: pictures and tables of a search in one file, and the command that shows a search.

The stub beside this file lists what is exported; a module is loaded when a name of it is used.
"""
import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
