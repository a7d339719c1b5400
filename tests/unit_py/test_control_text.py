"""What licornectl makes of an answer."""

import pytest
from licorne.ctl import text

CALL = {
    "worker": 81,
    "index": 0,
    "thread": 82,
    "method": "GET",
    "path": "/a",
    "path_cut": False,
    "client": "10.0.0.7",
    "phase": "app",
    "seconds": 52.3,
    "since": "2026-11-21T05:08:28Z",
}


def test_requests():
    data = {"requests": [CALL, {**CALL, "path": "/b", "path_cut": True, "client": ""}], "count": 2}
    lines = text.shown("show requests", data).splitlines()
    assert lines[0].split() == [
        "RUNNING",
        "WORKER",
        "THREAD",
        "METHOD",
        "PATH",
        "CLIENT",
        "PHASE",
        "SINCE",
    ]
    assert lines[2].split() == [
        "52.30s",
        "81",
        "82",
        "GET",
        "/a",
        "10.0.0.7",
        "app",
        "2026-11-21T05:08:28Z",
    ]
    assert lines[3].split()[4:6] == ["/b...", "unix"]
    assert lines[-1] == "Total: 2 requests"
    assert text.shown("show requests", {"requests": [], "count": 0}) == "Total: 0 requests"
    assert "The 1 longest of them." in text.shown(
        "Show  Requests", {"requests": [CALL], "count": 9}
    )


def test_what_a_client_sent_cannot_steer_the_terminal():
    data = {"requests": [{**CALL, "path": "/\x1b[2J\r\n\u202e\u00e9"}], "count": 1}
    assert "/\\x1b[2J\\r\\n\\u202e\u00e9" in text.shown("show requests", data)


@pytest.mark.parametrize(
    "value, words",
    [(0, "0s"), (59.9, "59s"), (63, "1m 3s"), (3600, "1h 0m 0s"), (90061, "1d 1h 1m 1s")],
)
def test_seconds(value, words):
    assert text.seconds(value) == words


def test_workers_of_gunicorn_are_shown_too():
    worker = {"pid": 5, "age": 1, "booted": False, "aborted": False, "last_heartbeat": None}
    lines = text.shown("show workers", {"workers": [worker], "count": 1}).splitlines()
    assert lines[2].split() == ["5", "1", "no", "-", "-", "-", "-", "-", "-"]
    assert lines[-1] == "Total: 1 workers"


def test_other_answers_are_shown_as_they_are():
    assert text.shown("worker add", {"added": 1}) == '{\n  "added": 1\n}'
    assert "(none)" in text.shown(
        "show all", {"arbiter": {"pid": 1}, "web_workers": [], "web_worker_count": 0}
    )
    listener = {"address": "http://[::1]:80", "fd": 3, "type": "tcp6"}
    shown = text.shown("show listeners", {"listeners": [listener], "count": 1})
    assert shown.splitlines()[2].split() == ["http://[::1]:80", "tcp6", "3"]
    assert text.shown("show config", {"b": [1, 2], "a": None}) == "a: None\nb: 1, 2"
