"""wsgi.errors goes to the error log, as text, at once."""

import pytest
from support.rawhttp import fetch


@pytest.mark.asan_ci
def test_everything_written_is_logged_in_order(serve):
    s = serve()
    assert fetch(s, "/errors").status == 200
    s.wait_log("written: caf\u00e9\nline one\nline two\nprinted 7\nno newline\n")


def test_error_log_file(serve):
    s = serve(start=False)
    path = s.dir / "error.log"
    s.args = ["--error-logfile", str(path)]
    s.spawn()
    s.wait_ready()
    fetch(s, "/errors")
    assert "printed 7\n" in path.read_text()
    assert "Listening at" in path.read_text()


def test_stdout_and_stderr_stay_the_applications(serve):
    s = serve()
    fetch(s, "/std_streams")
    s.wait_log("^to stderr$")
    assert "to stdout\n" in s.out()
