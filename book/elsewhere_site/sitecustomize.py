"""Python runs this file when it starts in a process of `book/elsewhere.py`, and in their children.

It changes torch when torch is imported: `ELSEWHERE_SEED_SHIFT` is added to every training seed, and
`ELSEWHERE_NO_ONEDNN` takes oneDNN's kernels away, for which torch reads no variable.
"""
import importlib.util
import os
import sys


def change(torch):
    if os.environ.get("ELSEWHERE_NO_ONEDNN"):
        torch.backends.mkldnn.enabled = False
    if shift := int(os.environ.get("ELSEWHERE_SEED_SHIFT", 0)):
        manual_seed = torch.manual_seed
        torch.manual_seed = lambda seed: manual_seed((int(seed) + shift) % 2**63)


class AfterTorch:
    """Finds torch as the finders behind it do, and changes it after its import."""

    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_change(module):
                execute(module)
                change(module)

            spec.loader.exec_module = execute_and_change
        return spec


sys.meta_path.insert(0, AfterTorch())
