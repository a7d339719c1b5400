"""Settings whose effect no other file here shows from outside."""

import socket

import pytest
from support.rawhttp import fetch


def test_backlog_is_how_many_wait_to_be_accepted(serve):
    args = ("--backlog", "3", "--log-level", "debug")
    s = serve("zoo:app", *args, start=False, workers=0, bind="unix")
    s.spawn()
    s.wait_log("Arbiter booted")
    waiting = []
    with pytest.raises(BlockingIOError):
        for _ in range(10):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(s.address)
    assert len(waiting) == 5  # the kernel takes one more than it was told; the last was refused
    for client in waiting:
        client.close()


@pytest.mark.parametrize(
    "args, name",
    [
        (["-k", "sync"], "sync"),
        (["-k", "gthread"], "gthread"),
        (["-k", "sync", "--threads", "2"], "gthread"),
        (["--worker-class=gunicorn.workers.sync.SyncWorker"], "sync"),
        (["--worker-class", "gunicorn.workers.gthread.ThreadWorker"], "gthread"),
    ],
)
def test_worker_class(serve, args, name, under_licorne):
    s = serve("zoo:app", *args, threads=1)
    assert fetch(s, "/ping").status == 200
    s.stop()
    assert not under_licorne or f"Using worker: {name}\n" in s.log()


@pytest.mark.licorne_only
def test_dirty_applications_end_the_start(serve):
    conf = "\ndirty_apps = ['ours:App']\n"
    s = serve("zoo:app", "--dirty-workers", "2", conf=conf, start=False)
    s.spawn()
    assert s.wait_exit() == 1
    text = s.log()
    assert "Invalid value for dirty_apps: ['ours:App'] (" in text and ", line 2)" in text
    assert "Invalid value for dirty_workers: 2 (command line)" in text
    assert "Error: licorne has no dirty workers" in text


@pytest.mark.parametrize("conf", ["dirty_apps = ['ours:App']", "dirty_workers = 2"])
def test_dirty_settings_that_run_nothing_are_accepted(serve, conf):
    s = serve(conf=conf + "\ndirty_timeout = 9\ndirty_threads = 2\nhttp_parser = 'python'\n")
    assert fetch(s, "/ping").status == 200


@pytest.mark.parametrize("form", ["{}", "file:{}"])
def test_configuration_file(serve, tmp_path, form):
    (tmp_path / "ours.py").write_text("raw = 1\nimport os\nos.environ['SCRIPT_NAME'] = '/ours'\n")
    s = serve("zoo:app", "--config", form.format(tmp_path / "ours.py"))
    assert fetch(s, "/ours/ping").status == 200
