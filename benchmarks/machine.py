"""On which machine and with which versions a benchmark ran: the line above its tables."""
import os
import platform
from importlib.metadata import version
from pathlib import Path


def processor() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe(*packages: str) -> str:
    """Name the processor, its cores, the system, and the versions of Python and of packages."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (f"{processor()}, {os.cpu_count()} cores; {platform.system()}, "
            f"Python {platform.python_version()}, {versions}")
