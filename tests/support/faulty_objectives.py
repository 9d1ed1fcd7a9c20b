"""Objectives that fail in every way, for worker processes: this module imports nothing large."""
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

DEADLINE = 900.0
"""Seconds after which a test gives up waiting for something that must happen."""


def wait_until(condition):
    """Wait until `condition()` is true and return what it returned."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
    return value


def identity(config):
    return config["x"]


def numbers(config, max_epochs=None, checkpoint=None, seed=0):
    return {"error": config["x"], "given": (max_epochs, checkpoint, seed), "process": os.getpid()}


class Unreadable:
    """An object that cannot be read in another process; also an objective."""

    def __call__(self, config):
        return 0.0

    def __reduce__(self):
        return int, ("not a number",)


def returning_odd_objects(config):
    return {"error": 0.5, "odd": [1, threading.Lock(), Unreadable()][config["x"]]}


def raising(config):
    if config["x"] == 1:
        raise KeyError("missing.csv")
    if config["x"] == 2:
        raise SystemExit("no data")
    return float("nan") if config["x"] == 3 else config["x"]


def is_first(folder, config):
    """Say whether this is the first attempt at a configuration."""
    try:
        (Path(folder) / f"tried_{config['x']}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def attempts(folder, config):
    """Count one more attempt at a configuration and return how many there were."""
    path = Path(folder) / f"attempts_{config['x']}"
    with open(path, "ab") as file:
        file.write(b".")
    return path.stat().st_size


def die(how):
    """End this process at once."""
    if how == "exit 0":
        os._exit(0)
    if how == "exit 3":
        os._exit(3)
    os.kill(os.getpid(), getattr(signal, how))
    signal.pause()


def dying(config, folder, how, deadly=(1,), times=1):
    """Die the first `times` times for the `deadly` configurations."""
    if config["x"] in deadly and attempts(folder, config) <= times:
        die(how)
    return config["x"]


def dying_at_each_rung(config, max_epochs, folder, deadly=(0,)):
    """Die the first time at each number of epochs for the `deadly` configurations."""
    if config["x"] in deadly and is_first(folder, {"x": f"{config['x']}_{max_epochs}"}):
        die("SIGKILL")
    return config["x"]


def dying_beside(config, folder):
    """Die the first time that x is 1, while x = 0 runs, which ends after the second attempt."""
    if config["x"] == 1 and is_first(folder, config):
        wait_until((Path(folder) / "begun_0").exists)
        die("SIGKILL")
    elif config["x"] == 1:
        (Path(folder) / "go_on").touch()
    return waiting(config, folder)


def hanging(config, folder, hung=(1,), times=1):
    """Hang for ever the first `times` times for the `hung` configurations."""
    if config["x"] in hung and attempts(folder, config) <= times:
        threading.Event().wait()
    return config["x"]


def starting_programs(config, folder, how="hang"):
    """Start a program for x = 1 that does not listen to SIGTERM, then hang or die."""
    if config["x"] == 1 and is_first(folder, config):
        code = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
        program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        program.stdout.read(1)
        (Path(folder) / "program").write_text(str(program.pid), encoding="utf-8")
        if how == "hang":
            threading.Event().wait()
        die(how)
    return config["x"]


def deaf(config, folder):
    """Hang the first time without listening to any signal that can be ignored."""
    if config["x"] == 1 and is_first(folder, config):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Event().wait()
    return config["x"]


def meeting(config, folder, n):
    """End only when `n` trials are running at the same time."""
    (Path(folder) / f"here_{config['x']}").touch()
    wait_until(lambda: len(list(Path(folder).glob("here_*"))) >= n)
    return config["x"]


def waiting(config, folder, held=(0,)):
    """Say that a trial of `held` has begun, and end it only when a file `go_on` appears."""
    if config["x"] in held:
        (Path(folder) / f"begun_{config['x']}").write_text(str(os.getpid()), encoding="utf-8")
        wait_until((Path(folder) / "go_on").exists)
    return config["x"]


def environment(config):
    """Report how a worker is set up."""
    import numpy as np
    from threadpoolctl import threadpool_info
    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    return {"error": config["x"], "omp": os.environ.get("OMP_NUM_THREADS"),
            "threads": max((library["num_threads"] for library in threadpool_info()), default=1)}


def torn(config, folder):
    """Be killed in the middle of sending a large result, the first time that x is 1."""
    if config["x"] == 1 and is_first(folder, config):
        send = Connection._send
        Connection._send = lambda pipe, part, *more: (
            send(pipe, part, *more) if len(part) < LARGE else send_half(pipe, part))
        return {"error": config["x"], "large": bytes(2 * LARGE)}
    return config["x"]


LARGE = 30_000
"""Bytes of which half a message, with all around it, finds room in a pipe."""


def send_half(pipe, message):
    """Write the first half of a message, as a process does that is killed meanwhile."""
    os.write(pipe.fileno(), message[:len(message) // 2])
    die("SIGKILL")
