"""Hooks and the objects that they are given, without an engine."""

import logging
import signal
import sys
import types

import pytest
from licorne import hooks
from licorne.config.loader import load
from licorne.config.settings import BY_NAME
from licorne.master import Master

CALLED_BY_ARBITER = (
    "on_starting on_reload when_ready pre_fork pre_exec child_exit nworkers_changed on_exit"
)
CALLED_BY_WORKER = "post_fork post_worker_init worker_int worker_abort worker_exit"
CALLED_BY_ENGINE = "pre_request post_request"


@pytest.fixture
def signalled(monkeypatch):
    """The signals that the server sends itself."""
    sent = []
    monkeypatch.setattr(signal, "raise_signal", sent.append)
    return sent


@pytest.fixture
def master(place):
    def make(**settings):
        config, _ = load([])
        for name, value in settings.items():
            config.set(name, value)
        return Master(config, "string:capwords")

    yield make
    logging.getLogger("gunicorn.error").handlers.clear()


def raising(what):
    def hook(server):
        raise what

    return hook


def test_every_hook_has_its_place():
    placed = f"{CALLED_BY_ARBITER} {CALLED_BY_WORKER} {CALLED_BY_ENGINE}".split()
    assert sorted(placed) == sorted(
        name
        for name, row in BY_NAME.items()
        if row.section == "Server Hooks" and name != "ssl_context"
    )


@pytest.mark.parametrize(
    "what, at_start, in_loop",
    [
        (ValueError("x"), 1, 255),
        (SystemExit(7), 7, 7),
        (SystemExit(), 0, 0),
        (SystemExit("words"), 1, 1),
        (KeyboardInterrupt(), 0, 0),
    ],
)
def test_what_a_hook_raises_ends_the_server(master, capfd, what, at_start, in_loop):
    m = master(when_ready=raising(what), on_reload=raising(what))
    assert m.arbiter._ready() == at_start
    assert m.arbiter._reloaded() == in_loop
    err = capfd.readouterr().err
    is_error = isinstance(what, ValueError)
    assert ("[ERROR] Exception in when_ready hook\nTraceback" in err) is is_error
    assert ("[ERROR] Unhandled exception in main loop\nTraceback" in err) is is_error


def test_after_such_an_end_on_exit_is_not_called(master):
    called = []
    m = master(on_reload=raising(ValueError()), on_exit=called.append)
    m.arbiter._reloaded()
    assert m.arbiter._ended(255) == 255
    assert called == []
    m = master(on_exit=called.append)
    assert m.arbiter._ended(0) == 0
    assert called == [m.arbiter]


def test_the_dictionary_of_workers_follows(master):
    seen = []
    m = master(
        pre_fork=lambda server, worker: seen.append((worker.pid, worker.age, worker.index)),
        child_exit=lambda server, worker: seen.append((worker.pid, worker.aborted)),
    )
    server = m.arbiter
    for index, age, pid in ((0, 1, 501), (1, 2, 502)):
        assert server._about_to_fork(index, age) == hooks.GO_ON
        assert server._forked(pid) == hooks.GO_ON
    assert {pid: w.age for pid, w in server.WORKERS.items()} == {501: 1, 502: 2}
    assert server._reaped(501, True, False) == hooks.GO_ON
    assert server._reaped(502, False, True) == hooks.GO_ON  # halts the server: no hook
    assert server._reaped(503, False, False) == hooks.GO_ON
    assert server.WORKERS == {}
    assert seen == [("[booting]", 1, 0), ("[booting]", 2, 1), (501, True)]


def test_what_is_asked_of_the_server_is_a_signal(master, signalled):
    server = master().arbiter
    server._starting()
    server._resized(2, None)
    server.num_workers = 4
    server.num_workers = 1
    server.stop()
    server.stop(graceful=False)
    server.reload()
    server.reexec()
    names = [signal.Signals(number).name[3:] for number in signalled]
    assert names == ["TTIN", "TTIN", "TTOU", "TERM", "QUIT", "HUP", "USR2"]
    server.halt("enough", 5)
    assert server._ended(0) == 5


def test_a_worker_of_the_master_answers_for_itself_only(master):
    m = master()
    m.arbiter._about_to_fork(0, 1)
    worker = m.arbiter._next
    worker.alive = False  # no engine is asked: this is not its process
    assert (worker.alive, worker.nr, worker.booted, str(worker)) == (
        False,
        0,
        False,
        "<Worker [booting]>",
    )
    assert worker.app.cfg is m.config and worker.app.wsgi() is None
    assert worker.timeout == 15


def test_nothing_is_done_for_requests_unless_a_hook_is_set(master, caplog):
    log = logging.getLogger("gunicorn.error")
    assert hooks.for_requests(master().config, log) is None
    for function, count in (
        (lambda worker, req: 0, 2),
        (lambda worker, req, environ: 0, 3),
        (lambda worker, req, environ, resp: 0, 4),
    ):
        m = master(post_request=function)
        assert hooks.for_requests(m.config, m.log_to) == (None, function, count)


def test_the_choice_is_told_with_its_reason(master, capfd):
    for settings, text in (
        ({}, "pre_request called for each request (the log's level is debug)"),
        ({"post_request": lambda w, r: 0}, "pre_request and post_request called"),
        ({"pre_request": lambda w, r: 0}, "(set in the configuration)"),
    ):
        m = master(loglevel="debug", **settings)
        hooks.for_requests(m.config, m.log_to)
        assert text in capfd.readouterr().err


# --- a request's changes


@pytest.fixture
def change(monkeypatch):
    """change(environ, found, set) -> environ after a hook has set these attributes"""
    fake = types.ModuleType("licorne._engine")
    fake.View = type("View", (), {"_look": lambda self, name: self.found[name]})
    fake.Found = FakeFound
    monkeypatch.setitem(sys.modules, "licorne._engine", fake)
    monkeypatch.delitem(sys.modules, "licorne.reqres", raising=False)
    from licorne import reqres

    class Request(reqres.Request):
        pass

    def change(environ, found, **values):
        request = Request()
        vars(request).update(found=found, **values)
        request._apply(environ)
        return environ

    yield change
    sys.modules.pop("licorne.reqres", None)


class FakeFound:
    def __init__(self, name):
        self.name = name


FIELDS = b"Host: h\r\nX-One: 1\r\nX-Two: a\r\nx-two: b\r\nContent-Type: t\r\n"
PAIRS = [("HOST", "h"), ("X-ONE", "1"), ("X-TWO", "a"), ("X-TWO", "b"), ("CONTENT-TYPE", "t")]
ENVIRON = {
    "HTTP_HOST": "h",
    "HTTP_X_ONE": "1",
    "HTTP_X_TWO": "a,b",
    "CONTENT_TYPE": "t",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/p",
}


@pytest.mark.parametrize(
    "values, changed",
    [
        ({"headers": PAIRS}, {}),
        ({"headers": [*PAIRS, ("X-New", "v")]}, {"HTTP_X_NEW": "v"}),
        ({"headers": [*PAIRS, ("X-TWO", "c")]}, {"HTTP_X_TWO": "a,b,c"}),
        ({"headers": [*PAIRS, ("CONTENT-TYPE", "u")]}, {"CONTENT_TYPE": "u"}),
        ({"headers": PAIRS[:1] + PAIRS[2:]}, {"HTTP_X_ONE": None}),
        ({"headers": [*PAIRS, ("SCRIPT_NAME", "/p")]},
         {"SCRIPT_NAME": "/p", "PATH_INFO": "", "HTTP_SCRIPT_NAME": "/p"}),
        ({"scheme": "https"}, {"wsgi.url_scheme": "https"}),
        ({"method": "PUT"}, {"REQUEST_METHOD": "PUT"}),
        ({"path": "/a%20b"}, {"PATH_INFO": "/a b"}),
        ({"query": "q=1"}, {"QUERY_STRING": "q=1"}),
        ({"uri": "/u"}, {"RAW_URI": "/u"}),
        ({"version": (1, 0)}, {"SERVER_PROTOCOL": "HTTP/1.0"}),
        ({"something": "else"}, {}),
    ],
)  # fmt: skip
def test_what_a_hook_changes_reaches_the_environ(change, values, changed):
    found = {
        "fields": FIELDS,
        "scheme": "http",
        "method": "GET",
        "path": "/p",
        "query": "",
        "uri": "/p",
        "major": 1,
        "minor": 1,
    }
    want = {**ENVIRON, **changed}
    assert change(dict(ENVIRON), found, **values) == {
        key: value for key, value in want.items() if value is not None
    }
