"""Views that start other processes: by multiprocessing, os.fork, subprocess."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

from zoo_core import js, mark, query, text, view, wait_for_file


def square(n):
    return n * n


def fill(queue, n):
    queue.put((os.getpid(), square(n)))


def stay():
    mark("child", str(os.getpid()))
    wait_for_file("release")


@view
def mp_process(environ, start_response):
    """One Process by ?method=, its answer through a Queue."""
    context = multiprocessing.get_context(query(environ)["method"])
    queue = context.Queue()
    child = context.Process(target=fill, args=(queue, 7))
    child.start()
    pid, n = queue.get(timeout=30)
    child.join(30)
    return js(start_response, {"own": pid == child.pid, "n": n, "code": child.exitcode})


@view
def mp_pool(environ, start_response):
    """A Pool of two by ?method=."""
    context = multiprocessing.get_context(query(environ)["method"])
    with context.Pool(2) as pool:
        return js(start_response, pool.map(square, range(20)))


@view
def mp_daemon(environ, start_response):
    """A daemonic Process that lives on; multiprocessing's own exit function ends it."""
    multiprocessing.get_context("fork").Process(target=stay, daemon=True).start()
    wait_for_file("child")
    return text(start_response, "started")


@view
def run_program(environ, start_response):
    """subprocess.run with its defaults: what the program printed, and how it ended."""
    code = "import os, sys; print(len(os.listdir('/proc/self/fd'))); sys.exit(5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    return js(start_response, {"fds": int(done.stdout), "code": done.returncode})


@view
def run_with_descriptor(environ, start_response):
    """Gives a program one end of a pipe, and reads what it writes there."""
    reading, writing = os.pipe()
    code = f"import os; os.write({writing}, b'through the pipe')"
    try:
        subprocess.run([sys.executable, "-c", code], pass_fds=(writing,), check=True, timeout=30)
        return text(start_response, os.read(reading, 100))
    finally:
        os.close(reading)
        os.close(writing)


@view
def run_inheriting(environ, start_response):
    """close_fds=False: which sockets a program finds that closed nothing."""
    code = (
        "import os\n"
        "fds = (f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd'))\n"
        "print(*(os.readlink(f) for f in fds if os.path.lexists(f)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, close_fds=False
    )
    return text(start_response, done.stdout)


@view
def run_with_preexec(environ, start_response):
    """A function of Python between fork and exec; it may not touch the engine, nor does it."""
    done = subprocess.run(
        ["/bin/echo", "ran"], capture_output=True, timeout=30, preexec_fn=lambda: os.nice(1)
    )
    return text(start_response, done.stdout.strip())


@view
def fork_and_wait(environ, start_response):
    """waitpid finds the child's status: nobody else reaps it, and SIGCHLD does what it always did."""
    default = signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
    pid = os.fork()
    if pid == 0:
        os._exit(9)
    found, status = os.waitpid(pid, 0)
    return js(
        start_response,
        {"own": found == pid, "code": os.waitstatus_to_exitcode(status), "default": default},
    )


@view
def fork_for_long(environ, start_response):
    """A child that lives on for seconds, as a program, while the call has long returned."""
    pid = os.fork()
    if pid == 0:
        try:
            mark("child", str(os.getpid()))
            wait_for_file("release")
        finally:
            os._exit(0)
    wait_for_file("child")
    return text(start_response, pid)


@view
def child_looks_around(environ, start_response):
    """What a child sees of the worker: no wake-up descriptor, no handlers of the worker's."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            names = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGUSR1")
            plain = all(signal.getsignal(getattr(signal, n)) == signal.SIG_DFL for n in names)
            try:
                environ["licorne.disconnected"]()
                touched = "touched"
            except RuntimeError:
                touched = "refused"
            os.write(writing, f"{signal.set_wakeup_fd(-1)} {plain} {touched}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    seen = os.read(reading, 100)
    os.close(reading)
    return text(start_response, seen)


@view
def end_process(environ, start_response):
    """os._exit(?code=), or a signal to itself, in the middle of a call."""
    q = query(environ)
    if "after" in q:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"begun")
    mark("ending", str(time.monotonic()))
    if "signal" in q:
        os.kill(os.getpid(), int(q["signal"]))
        time.sleep(60)
    os._exit(int(q["code"]))
