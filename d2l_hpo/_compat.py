"""Make torch, torchvision and d2l importable together; import this module before any of them.

Where torch and torchvision were built for different devices (torch for the CPU, torchvision for
CUDA), torchvision's compiled operators cannot load, and ``import torchvision`` dies with "operator
torchvision::nms does not exist". Declaring the two operators that its Python code looks up is
enough for its data sets, transforms and models. Each process has to do it, also a spawned one.
"""
import os
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from importlib.util import find_spec

from d2l_hpo import _installation_hint

if _hint := _installation_hint():
    raise ImportError(_hint)

import torch

SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def load_torchvision_operators() -> bool:
    """Load torchvision's compiled operators, as its own import would; False if that fails."""
    folder = find_spec("torchvision").submodule_search_locations[0]
    extension = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec("_C")
    if extension is None:
        return False
    if os.name == "nt":
        os.add_dll_directory(folder)
    try:
        torch.ops.load_library(extension.origin)
    except (ImportError, OSError):  # the errors that torchvision.extension takes as "no operators"
        return False
    return True


def declare_missing_operators() -> list[str]:
    """Declare those of the two operators that do not exist, and return their names."""
    load_torchvision_operators()
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        torch.library.define(f"torchvision::{name}", SCHEMAS[name])
    return missing


declare_missing_operators()
