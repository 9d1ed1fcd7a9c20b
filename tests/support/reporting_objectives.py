"""Objectives that report while they run; this module imports nothing large."""
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import faulty_objectives as faulty


def curve(x, epoch):
    """The error of configuration x after an epoch: the larger x, the worse."""
    return x + 1 / epoch


def obedient(config, max_epochs, report):
    """Report each epoch, end where the tuner says so, and return the last error."""
    for epoch in range(1, max_epochs + 1):
        if not report(curve(config["x"], epoch), epoch, loss=2.0 * epoch):
            break
    return curve(config["x"], epoch)


def where(config, max_epochs, report):
    """Report each epoch, with the number of the process."""
    for epoch in range(1, max_epochs + 1):
        if not report(curve(config["x"], epoch), epoch, process=os.getpid()):
            return


def silent(config, max_epochs, report):
    """Report each epoch and return nothing."""
    for epoch in range(1, max_epochs + 1):
        if not report(curve(config["x"], epoch), epoch):
            return


def deaf(config, max_epochs, report, folder=None):
    """Report each epoch whatever the tuner says, and survive all errors of its own."""
    for epoch in range(1, max_epochs + 1):
        if folder is not None:
            (Path(folder) / f"trial_{config['x']}").write_text(str(epoch))
        try:
            report(curve(config["x"], epoch), epoch)
        except Exception as error:
            raise AssertionError("it was to be ended by no Exception") from error


def resuming(config, max_epochs, report, checkpoint, folder=None, deadly=(), at=2, how="SIGKILL"):
    """Save each epoch, then report it; die once, after the report of epoch `at`."""
    done = json.loads(checkpoint.read_text()) if checkpoint.exists() else 0
    go_on = True
    if done:
        go_on = report(curve(config["x"], done), done)
    while go_on and done < max_epochs:
        done += 1
        checkpoint.write_text(json.dumps(done))
        go_on = report(curve(config["x"], done), done)
        if config["x"] in deadly and done == at and faulty.is_first(folder, config):
            faulty.die(how)
    return curve(config["x"], done)


def scripted(config, report, script, max_epochs=None):
    """Make the calls of `report` that the script holds for x, then return or raise its last entry.

    An exception of `report` goes through.
    """
    *calls, last = script[config["x"]]
    for arguments in calls:
        report(*arguments)
    if isinstance(last, BaseException):
        raise last
    return last


def from_a_thread(config, max_epochs, report):
    """Report from another thread, which passes the exception on."""
    report(0.5, 1)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(report, 0.25, 2).result()


def from_a_child(config, max_epochs, report, method="fork"):
    """Report from a child process: a copy of this one, or a new one."""
    report(0.5, 1)
    ends = []
    if method == "fork":
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                report(0.25, 2)
            except RuntimeError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        raise RuntimeError(os.read(read, 1000).decode())
    process = get_context(method).Process(target=report, args=(0.25, 2))
    process.start()
    return ends


LATE = []
"""What a report after the end of its trial gave."""


def leaving_a_thread(config, max_epochs, report):
    """Return, and let a caller report afterwards."""
    report(0.5, 1)
    LATE.append(report)
    return 0.5


def hanging(config, max_epochs, report, folder, hung=(1,)):
    """Report twice, then hang for ever, the first time that x is in `hung`."""
    report(curve(config["x"], 1), 1)
    report(curve(config["x"], 2), 2)
    if config["x"] in hung and faulty.is_first(folder, config):
        threading.Event().wait()
    for epoch in range(3, max_epochs + 1):
        report(curve(config["x"], epoch), epoch)


def early(config, report, max_epochs=None):
    """Ends by itself after two epochs, fails, reports nan, returns, or heeds what it is told."""
    for epoch in range(1, (max_epochs or 5) + 1):
        error = float("nan") if 0.8 < config["x"] < 0.85 else config["x"] / epoch
        if not report(error, epoch, memory=2 - config["x"]):
            return None if config["x"] < 0.5 else {"error": config["x"] / epoch, "memory": 1.0}
        if epoch == 2 and 0.1 < config["x"] < 0.3:
            return None if config["x"] < 0.2 else config["x"] / 3
        if epoch == 2 and 0.3 < config["x"] < 0.4:
            raise ValueError("in the middle")
    return config["x"] / epoch
