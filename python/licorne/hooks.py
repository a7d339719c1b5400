"""Calling people's hooks: what each is given, and what an exception of theirs does.

    master   nworkers_changed  on_starting  when_ready  (pre_fork  child_exit  nworkers_changed
             on_reload  pre_exec)*  on_exit
    worker   post_fork  post_worker_init  (pre_request  post_request)*  worker_int | worker_abort
             worker_exit

    who raises            Exception                                SystemExit
    before the loop       an ERROR record; the server ends with 1  ends with its code
    in the master's loop  "Unhandled exception in main loop"; 255  ends with its code
    post_fork, ..._init   a failed boot                            a failed boot
    pre_request           as if the application had raised it
    post_request and the others of a worker: told in the log, and nothing else

pre_request and post_request are called by the C engine (src/pybind/wsgi/hooks.c).
"""

import logging
import sys

GO_ON = -1  # what the C master understands as "nothing happened"
UNHANDLED = 255  # as Gunicorn's sys.exit(-1)
NOT_STARTED = 1


def in_master(server, name, *args, at_start=False):
    """-> GO_ON, or the status that the server is to end with"""
    hook = server.cfg.hook(name)
    if hook is None:
        return GO_ON
    try:
        hook(*args)
    except SystemExit as error:
        return status_of(error)
    except KeyboardInterrupt:
        return 0
    except Exception:
        if at_start:
            server.log.exception("Exception in %s hook", name)
            return NOT_STARTED
        server.log.exception("Unhandled exception in main loop")
        return UNHANDLED
    return GO_ON


def status_of(error):
    """What Python itself makes of a SystemExit. -> exit status"""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr, flush=True)
    return 1


def in_boot(master, name, *args):
    """What it raises fails the boot."""
    hook = master.config.hook(name)
    if hook is not None:
        hook(*args)


def told(master, name):
    """worker_int, worker_abort: the worker leaves whatever they do."""
    hook = master.config.hook(name)
    if hook is None:
        return
    try:
        hook(master.worker)
    except Exception:
        master.log_to.exception("Exception in %s hook", name)


def at_exit(master):
    hook = master.config.hook("worker_exit")
    if hook is None:
        return
    try:
        hook(master.arbiter, master.worker)
    except SystemExit:  # it does
        pass
    except Exception:
        from traceback import format_exc

        master.log_to.warning("Exception during worker exit:\n%s", format_exc())


# --- on the way of a request


def for_requests(config, log):
    """-> (pre_request or None, post_request or None, how many arguments that one takes), or None

    None: neither is set, and requests know nothing of hooks.
    """
    before, after = config.hook("pre_request"), config.hook("post_request")
    if before is None and logging.getLogger("gunicorn.error").isEnabledFor(logging.DEBUG):
        before = log_request
    if before is None and after is None:
        log.debug("Request hooks: none, for neither pre_request nor post_request is set")
        return None
    names = [n for n, hook in (("pre_request", before), ("post_request", after)) if hook]
    reason = "the log's level is debug" if before is log_request else "set in the configuration"
    log.debug("Request hooks: %s called for each request (%s)", " and ".join(names), reason)
    return before, after, _arguments(after) if after else 0


def _arguments(hook):
    from licorne.config.types import arity_of

    return arity_of(hook) or 4  # one in C that does not tell gets all


def log_request(worker, req):
    """pre_request where nobody set one, at debug level."""
    worker.log.debug("%s %s", req.method, req.path)
