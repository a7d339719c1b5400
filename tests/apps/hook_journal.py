"""A configuration with every hook: each writes a line about what it is given, into `journal`.

Only what Gunicorn and Licorne have in common is written, and nothing that differs from run to run.
"""

import json
import os


def note(name, /, **seen):
    """One line by one write: several processes write."""
    line = json.dumps([name, os.getpid(), seen], default=str).encode() + b"\n"
    path = os.path.join(os.environ["TEST_DIR"], "journal")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, line)
    os.close(fd)


def server_facts(server):
    return {
        "is_here": getattr(server, "pid", None) == os.getpid(),
        "num_workers": server.num_workers,
        "workers": sorted(type(pid).__name__ for pid in server.WORKERS),
        "listeners": len(server.LISTENERS),
        "timeout": server.timeout,
        "mark": getattr(server, "mark", None),
        "reads_cfg": server.cfg.workers,
        "app": server.app.cfg is server.cfg,
        "logs": callable(server.log.info),
    }


def worker_facts(worker):
    return {
        "is_here": worker.pid == os.getpid(),
        "pid": worker.pid if isinstance(worker.pid, str) else "number",
        "age": worker.age,
        "nr": worker.nr,
        "booted": worker.booted,
        "alive": worker.alive,
        "aborted": worker.aborted,
        "timeout": worker.timeout,
        "max_requests": worker.max_requests,
        "sockets": len(worker.sockets),
        "mark": getattr(worker, "mark", None),
        "cfg": worker.cfg.workers,
        "logs": callable(worker.log.info),
    }


def nworkers_changed(server, new, old):
    note("nworkers_changed", new=new, old=old)


def on_starting(server):
    server.mark = "of on_starting"
    note("on_starting", **server_facts(server), address=[list(a) for a in server.address][0][0])


def when_ready(server):
    listener = server.LISTENERS[0]
    note(
        "when_ready",
        **server_facts(server),
        shown=str(listener).split("127")[0],
        family=int(listener.FAMILY),
        name=listener.getsockname()[0],
        sock=listener.sock.fileno() == listener.fileno(),
        context=sorted(map(str, server.START_CTX)),
        proc_name=server.proc_name,
    )


def pre_fork(server, worker):
    worker.mark = f"of pre_fork {worker.age}"
    note("pre_fork", **server_facts(server), worker=worker_facts(worker), text=str(worker))


def post_fork(server, worker):
    # server.mark is a copy of the master's, and server.pid the master's own.
    facts = {**worker_facts(worker), "beat": type(worker.tmp.last_update()).__name__}
    note("post_fork", mark=server.mark, of=server.pid == os.getppid() == worker.ppid, worker=facts)


def post_worker_init(worker):
    worker.later = 1
    facts = worker_facts(worker)
    note("post_worker_init", worker=facts, wsgi=worker.app.callable is worker.wsgi)


def worker_int(worker):
    note("worker_int", mark=worker.mark)


def pre_request(worker, req):
    req.own = "kept"
    left_out = ("HOST",)
    note(
        "pre_request",
        worker=worker_facts(worker),
        method=req.method,
        uri=req.uri,
        path=req.path,
        query=req.query,
        fragment=req.fragment,
        version=req.version,
        scheme=req.scheme,
        headers=[pair for pair in req.headers if pair[0] not in left_out],
        peer=req.peer_addr[0],
        same_peer=req.remote_addr == req.peer_addr,
        trailers=req.trailers,
        proxy=req.proxy_protocol_info,
        should_close=req.should_close(),
    )


def post_request(worker, req, environ, resp):
    note(
        "post_request",
        nr=worker.nr,
        own=req.own,
        path=environ.get("PATH_INFO"),
        status=resp and resp.status,
        code=resp and resp.status and resp.status_code,
        headers=resp and resp.headers,
        sent=resp and resp.sent,
        length=resp and resp.response_length,
        head=resp and resp.headers_sent,
        chunked=resp and resp.headers_sent and resp.is_chunked(),
        upgrade=resp and resp.upgrade,
    )


def worker_exit(server, worker):
    note("worker_exit", mark=worker.mark, later=worker.later, of=server.pid == os.getppid())


def child_exit(server, worker):
    facts = worker_facts(worker)
    note("child_exit", worker=facts, there=worker.pid in server.WORKERS, n=len(server.WORKERS))


def on_exit(server):
    facts = server_facts(server)
    facts.pop("num_workers")
    note("on_exit", **facts)
