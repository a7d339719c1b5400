"""capture_output: what is printed goes to the error log's file, also after its rotation."""

import signal

from support.clock import wait_until
from support.rawhttp import fetch


def test_standard_output_and_error_go_to_the_error_log(serve):
    s = serve("talking:app", start=False)
    path = s.dir / "error.log"
    s.args = ("--capture-output", "--error-logfile", path)
    s.spawn()
    s.wait_ready()
    fetch(s, "/one")
    wait_until(lambda: "out /one\n" in path.read_text(), 10, "what was printed")
    text = path.read_text()
    assert "err /one\n" in text and "raw /one\n" in text and "Booting worker" in text
    assert s.out() == "" and s.log() == ""
    path.rename(path.with_suffix(".1"))
    s.signal(signal.SIGUSR1)

    def is_new():
        fetch(s, "/two")
        return path.exists() and "raw /two\n" in path.read_text()

    wait_until(is_new, 10, "the new file")
    assert "out /two\n" in path.read_text() and "err /two\n" in path.read_text()


def test_it_does_nothing_without_a_file(serve):
    s = serve("talking:app", "--capture-output")
    fetch(s, "/one")
    wait_until(lambda: "out /one\n" in s.out(), 10, "standard output")
    assert "err /one\n" in s.log()
