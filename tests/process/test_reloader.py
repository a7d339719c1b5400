"""reload: a worker makes room for the next when a file of the application changes."""

import os
import time

import pytest
from licorne.config.types import FILES, RELOAD_ENGINE
from licorne.reloader import Reloader, module_files
from support.clock import wait_until
from support.rawhttp import Client, fetch, request

APP = """
def app(environ, start_response):
    body = b{body!r}
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

ENGINES = ["inotify", "poll"]


def write(path, text):
    """As editors do: a new file in the place of the old one, with another time."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    later = time.time() + 2
    os.utime(fresh, (later, later))
    fresh.replace(path)


@pytest.fixture
def project(serve, tmp_path):
    """start(*args) -> a server with an application that may be changed, and its file"""
    (tmp_path / "project.py").write_text(APP.format(body="one"))

    def start(*args, **kw):
        kw.setdefault("conf", f"pythonpath = '{tmp_path}'\n")
        s = serve("project:app", "--reload", *args, **kw)
        return s, tmp_path / "project.py"

    return start


def answers(s, body):
    return lambda: fetch(s, "/").body == body


@pytest.mark.parametrize("engine", ENGINES)
def test_a_change_is_served(project, engine):
    s, file = project("--reload-engine", engine)
    old = s.worker_pids()
    assert fetch(s, "/").body == b"one"
    assert s.log().count("[WARNING] Reloader is on. Use in development only!") == 1
    write(file, APP.format(body="two"))
    wait_until(answers(s, b"two"), 10, "the new answer")
    assert f"[INFO] Worker reloading: {file} modified" in s.log()
    assert s.worker_pids() != old
    write(file, APP.format(body="three"))
    wait_until(answers(s, b"three"), 10, "the next new answer")


def test_every_worker_is_replaced(project):
    s, file = project(workers=2)
    old = set(s.worker_pids())
    write(file, APP.format(body="two"))
    wait_until(lambda: not old & set(s.worker_pids()) and len(s.worker_pids()) == 2, 10, "new ones")
    wait_until(answers(s, b"two"), 10, "the new answer")


def test_without_reload_nothing_changes(serve, tmp_path):
    file = tmp_path / "project.py"
    file.write_text(APP.format(body="one"))
    s = serve("project:app", conf=f"pythonpath = '{tmp_path}'\n")
    write(file, APP.format(body="two"))
    time.sleep(0.3)
    assert fetch(s, "/").body == b"one"
    assert "Reloader" not in s.log()


def test_a_syntax_error_is_shown_until_it_is_mended(project):
    s, file = project()
    s.expect_errors = True
    write(file, "def app(:\n")
    page = wait_until(lambda: (r := fetch(s, "/any/path")).status == 500 and r, 10, "the page")
    assert page.header("Content-Type").startswith("text/plain")
    text = page.body.decode()
    assert "Traceback" in text and "def app(:" in text and "SyntaxError" in text
    assert str(file) in text
    assert fetch(s, "/").status == 500
    write(file, APP.format(body="mended"))
    wait_until(answers(s, b"mended"), 10, "the mended answer")


def test_a_syntax_error_from_the_start(project):
    s, file = project(start=False)
    s.expect_errors = True
    file.write_text("def app(:\n")
    s.start()
    assert fetch(s, "/").status == 500
    write(file, APP.format(body="mended"))
    wait_until(answers(s, b"mended"), 10, "the mended answer")


def test_without_reload_a_syntax_error_ends_the_start(serve, tmp_path):
    (tmp_path / "project.py").write_text("def app(:\n")
    s = serve("project:app", "--pythonpath", str(tmp_path), start=False, expect_errors=True)
    assert s.run_to_exit() == 3


def test_other_files(project, tmp_path):
    one, pages = tmp_path / "one.txt", tmp_path / "pages"
    pages.mkdir()
    one.write_text("a")
    (pages / "index.html").write_text("a")
    args = ["--reload-extra-file", str(one), "--reload-extra-file", f"{pages}/*.html"]
    s, _ = project(*args)
    for path in (one, pages / "index.html"):
        boots = s.log().count("Booting worker")
        write(path, "b")
        s.wait_log(f"Worker reloading: {path} modified")
        s.wait_log(f"(?s)(Booting worker.*){{{boots + 1}}}")
        s.wait_ready()


def test_a_change_while_a_request_runs_waits_for_it(serve):
    s = serve("zoo:app", "--reload", "--reload-extra-file", "extra", start=False)
    extra = s.dir / "extra"
    extra.write_text("a")
    s.start()
    with Client(s) as c:
        c.send(request("/sleep?s=0.6"))
        write(extra, "b")
        s.wait_log("Worker reloading")
        assert c.read_response().status == 200


# Its parts.


def test_what_may_be_named():
    assert FILES.check("/etc/passwd") == ["/etc/passwd"]
    assert FILES.check(["/nosuch/*.html", "/etc/passwd"]) == ["/nosuch/*.html", "/etc/passwd"]
    with pytest.raises(ValueError, match=r"File /nosuch does not exists\."):
        FILES.check(["/nosuch"])
    with pytest.raises(ValueError, match="Invalid reload_engine: 'watchdog'"):
        RELOAD_ENGINE.check("watchdog")


def test_the_files_of_modules():
    files = set(module_files())
    assert os.path.abspath(pytest.__file__) in files
    assert not any(path.endswith(".pyc") for path in files)


def run(reloader, change):
    reloader.start()
    wait_until(lambda: reloader.seen, 10, "the first look")
    wait_until(
        lambda: all(os.path.abspath(p) in reloader.seen for p in reloader.extra), 10, "files"
    )
    change()
    reloader.join(10)
    assert not reloader.is_alive()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["write", "touch", "replace", "remove"])
def test_what_is_a_change(tmp_path, monkeypatch, engine, how):
    monkeypatch.setattr("licorne.reloader.POLL_SECONDS", 0.05)
    path = tmp_path / "file"
    path.write_text("a")
    found = []
    changes = {
        "write": lambda: path.write_text("ab"),
        "touch": lambda: os.utime(path, (1, 1)),
        "replace": lambda: write(path, "a"),
        "remove": path.unlink,
    }
    run(Reloader(found.append, [str(path)], engine), changes[how])
    assert found == [str(path)]


def test_another_file_in_the_folder_is_no_change(tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_text("a")
    found = []
    reloader = Reloader(found.append, [str(path)], "inotify")

    def change():
        other.write_text("b")
        path.read_text()
        time.sleep(0.2)
        assert found == [] and reloader.is_alive()
        path.write_text("c!")

    run(reloader, change)
    assert found == [str(path)]


def test_no_descriptor_stays(tmp_path):
    path = tmp_path / "file"
    path.write_text("a")
    reloader = Reloader(lambda path: None, [str(path)], "inotify")
    run(reloader, lambda: path.write_text("bb"))
    assert reloader.watch.fd == -1
