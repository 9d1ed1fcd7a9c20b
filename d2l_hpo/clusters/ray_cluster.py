"""Ray on this machine, for as long as a block of code runs."""
import contextlib
import functools
import inspect
import logging
import os
import random
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.environment import environment
from d2l_hpo.tools.installation import needs
from d2l_hpo.tools.platform import shell_quoted

PATIENCE = 30
"""Seconds that Ray's processes are given to end by themselves."""

LIMITS = {
    "RAY_gcs_server_port_wait_time_s": 300, "RAY_gcs_rpc_server_connect_timeout_s": 300,
    "RAY_gcs_server_request_timeout_seconds": 300, "RAY_py_gcs_connect_timeout_s": 300,
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": 300, "RAY_raylet_start_wait_time_s": 120,
    "RAY_raylet_client_num_connect_attempts": 300, "RAY_agent_register_timeout_ms": 600_000,
    "RAY_worker_register_timeout_seconds": 600}
"""Ray's settings of how long its processes wait for each other when they start.

By default these are 5 to 60 seconds, which a busy machine exceeds. They only end what hangs.
"""


def _free_port() -> int:
    """Return a free port below those that systems give away by themselves (from 32768 on)."""
    for port in random.SystemRandom().sample(range(20_000, 32_768), 1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port
    raise OSError("of 1000 ports from 20000 to 32767 none is free")


@contextmanager
def _patience_with_agents() -> Iterator[None]:
    """Let Ray's node start before its agents have, for as long as a block runs.

    The node waits 15 seconds for the file in which an agent reports its port, then gives up; no
    setting changes that (https://github.com/ray-project/ray/issues/65983), and on a busy machine an
    agent is not there so soon. So the files are written beforehand, with -1 for the ports of
    dashboard and metrics, which are not used here. The agent that prepares what workers need gets
    its port from here, and the node turns to it when it needs it.
    """
    with needs("ray", "local_ray"):
        from ray._private import services
    original = services.start_raylet
    signature = inspect.signature(original)

    @functools.wraps(original)
    def start_raylet(*arguments, **options):
        call = signature.bind(*arguments, **options)
        for name in ("metrics_agent", "metrics_export", "dashboard_agent_listen"):
            file = Path(call.arguments["session_dir"], f"{name}_port_{call.arguments['node_id']}")
            file.write_text("-1", encoding="utf-8", newline="\n")
        if not call.arguments.get("runtime_env_agent_port"):
            call.arguments["runtime_env_agent_port"] = _free_port()
        return original(*call.args, **call.kwargs)

    services.start_raylet = start_raylet
    try:
        yield
    finally:
        services.start_raylet = original


@contextmanager
def local_ray(n_workers: int = 2) -> Iterator[Path]:
    """Start Ray with `n_workers` CPUs here; yield a folder for results that goes with it.

    At the end all processes and files of this Ray are gone. It has no dashboard, sends no usage
    statistics, and takes commands only from those who know a random password. ImportError without
    Ray; ValueError if `n_workers` is no positive integer, RuntimeError if Ray is running already.

    Copy what is worth keeping before the block ends::

        with local_ray(n_workers=4) as folder:
            run_config = tune.RunConfig(storage_path=str(folder))
            results = tune.Tuner(trainable, param_space=space, run_config=run_config).fit()
            best = results.get_best_result("error", "min").config
    """
    n_workers = check_int("n_workers", n_workers)
    with needs("ray", "local_ray"):
        import psutil
        import ray.tune

    if ray.is_initialized():
        raise RuntimeError("Ray is running in this process already; call ray.shutdown() first")

    def descendants() -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True))

    # Ray 2.60 hands Python's path to a shell as it is; where it holds a space, quote it
    quoted = {"py_executable": shell_quoted(sys.executable)} if " " in sys.executable else None
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it is left in ~/.ray
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = descendants()
    limits = {name: str(value) for name, value in LIMITS.items() if name not in os.environ}
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, \
            environment({"RAY_TMPDIR": folder, **limits}):
        try:
            with _patience_with_agents():
                ray.init("local", num_cpus=n_workers, include_dashboard=False, _temp_dir=folder,
                         log_to_driver=False, logging_level=logging.ERROR, runtime_env=quoted)
            yield Path(folder, "results")
        finally:
            started = descendants() - before
            ray.shutdown()
            left = psutil.wait_procs(started, PATIENCE)[1]
            for process in left:
                process.kill()
            psutil.wait_procs(left)
            if threading.current_thread() is threading.main_thread():
                for number, handler in handlers.items():  # Ray and Ray Tune have set their own
                    signal.signal(number, handler)
