"""The C engine. All of it is called by master.py and worker.py; applications never see it."""

from collections.abc import Callable
from typing import Any, Protocol, type_check_only

@type_check_only
class _Callbacks(Protocol):
    """What run_master() calls, always with the GIL; levels are those of `logging`."""

    def log(self, level: int, message: str) -> None: ...
    # In the master.
    def master_started(self) -> None: ...
    def reopen_logs(self) -> None: ...
    # In a worker.
    def worker_boot(self, index: int, report_fd: int, dump_signal: int) -> Callable[..., Any]: ...
    def worker_ready(self) -> None: ...
    def start_thread(self) -> None: ...
    def worker_exit(self, index: int) -> None: ...
    def handle_error(
        self,
        environ: dict[str, Any] | None,
        method: str | None,
        path: str | None,
        exc: BaseException | None,
    ) -> None: ...

def run_master(config: dict[str, Any], callbacks: _Callbacks) -> int:
    """Fork workers and supervise them until told to stop. -> exit status"""

def worker_stop(graceful: bool, status: int, /) -> bool:
    """Ask this worker to leave: after what is under way, or at once.

    One that still boots ends inside this call, with `status`.

    True if an application call is running on this thread, which the caller may then interrupt.
    """

def serve_thread() -> None:
    """Run requests in this thread until the worker ends or needs it no more."""

def _boot_step(step: int, /) -> None:
    """How far this worker's boot has come, for the master to tell if it fails."""

def scoreboard() -> list[dict[str, Any]]:
    """What every process of this server does: one dict for each slot that was ever used.

    It may be called in the master and in every worker. Times are seconds ago, None for "not".
    """
