"""Make torch, torchvision and d2l importable together; import this module before any of them.

Where torch and torchvision were built for different devices (torch for the CPU, torchvision for
CUDA), torchvision's compiled operators cannot load, and ``import torchvision`` dies with "operator
torchvision::nms does not exist". Declaring the two operators that its Python code looks up is
enough for its data sets, transforms and models. Each process has to do it, also a spawned one.
"""
import sys

from d2l_hpo.tools.installation import installation_hint

if _hint := installation_hint():
    raise ImportError(_hint)

import torch

SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def import_torchvision() -> list[str]:
    """Import torchvision; return the names of the operators that had to be declared for it.

    A matching torchvision is imported as it is: to declare an operator that its library is going
    to register would end the process.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return []
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    declared = declare_missing_operators()
    import torchvision  # noqa: F401
    return declared


def declare_missing_operators() -> list[str]:
    """Declare those of the two operators that do not exist, and return their names."""
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        torch.library.define(f"torchvision::{name}", SCHEMAS[name])
    return missing


import_torchvision()
