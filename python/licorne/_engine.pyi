"""The C engine. All of it is called by master.py and worker.py; applications never see it."""

from collections.abc import Callable
from typing import Any, Protocol, final, type_check_only

from typing_extensions import disjoint_base

@type_check_only
class _Callbacks(Protocol):
    """What run_master() calls, always with the GIL; levels are those of `logging`."""

    def log(self, level: int, message: str) -> None: ...
    # In the master.
    @property
    def arbiter(self) -> _Arbiter: ...
    def master_started(self) -> None: ...
    def reopen_logs(self) -> None: ...
    def reload(self) -> dict[str, Any] | None: ...
    def reload_ended(self, how: str) -> None: ...
    def workers_changed(self, now: int, before: int) -> None: ...
    def upgrade(self) -> int: ...
    def upgrade_ended(self) -> None: ...
    def promoted(self) -> None: ...
    def control_show(self, what: str) -> str: ...
    def control_inherit(self) -> bool: ...
    # In a worker.
    @property
    def worker(self) -> Any: ...
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
    def handle_hook_error(self, exc: BaseException) -> None: ...

@type_check_only
class _Arbiter(Protocol):
    """What calls people's hooks in the master: -1, or the exit status to end with at once."""

    def _ready(self) -> int: ...
    def _about_to_fork(self, index: int, age: int) -> int: ...
    def _forked(self, pid: int) -> int: ...
    def _reaped(self, pid: int, was_stuck: bool, halts: bool) -> int: ...
    def _resized(self, want: int, was: int) -> int: ...

@disjoint_base
class View:
    """What hooks see of the running exchange; licorne.reqres gives it its names."""

    def _look(self, name: str, /) -> Any: ...

@final
class Found:
    """An attribute of a View: found in the exchange when it is looked at, then kept."""

    def __new__(cls, name: str, /) -> Found: ...
    def __set_name__(self, owner: type, name: str, /) -> None: ...
    def __get__(self, obj: View | None, owner: type | None = None, /) -> Any: ...

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

def _requests() -> int:
    """How many requests this worker was given so far."""

def _last_beat(index: int, /) -> float:
    """When this worker was last seen at work, by the monotonic clock; 0 before it was."""

def _beat() -> None:
    """This worker is at work: the call that runs is given its whole time again."""

def _set_title(text: str, /) -> bool:
    """What ps shows of this process; cut if need be. False: not on this system."""

def _watch_open() -> int:
    """-> a descriptor that hears of changes in directories. OSError: not on this system."""

def _watch_add(fd: int, directory: str, /) -> int:
    """-> the directory's number. OSError: it cannot be watched."""

def _watch_wait(fd: int, milliseconds: int, /) -> list[tuple[int, str]]:
    """-> directory and name of what changed; -1 and '' when something was lost."""
