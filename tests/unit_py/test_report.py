"""What a worker leaves for its master: sys.stderr while it boots, and no more than fits."""

import fcntl
import os
import sys
import types

import pytest
from licorne.report import LIMIT, Report


class Stream:
    """As sys.stderr: keeps attributes that others set."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)


@pytest.fixture
def report(monkeypatch):
    """One that has begun on a stream of its own; pytest changes sys.stderr between its phases."""
    fake = types.SimpleNamespace(
        is_enabled=lambda: False, enable=lambda **kw: None, register=lambda *a, **kw: None
    )
    monkeypatch.setattr("licorne.report.faulthandler", fake)
    fd = os.memfd_create("test", os.MFD_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
    report = Report(fd)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Stream())
        report.begin(0)
    yield report
    os.close(fd)


def kept(report):
    return os.pread(report.fd, 10 * LIMIT, 0).decode()


def test_both_get_what_is_written_until_the_boot_is_over(report):
    stream, write = report.stream, report.stream.write
    assert stream.write("one ") == 4
    print("two", file=stream)
    assert kept(report) == "one two\n" == stream.text
    report.end()
    assert kept(report) == "" and "write" not in vars(stream)
    write("three")  # whoever kept it
    assert kept(report) == "" and stream.text == "one two\nthree"


def test_who_wraps_the_stream_meanwhile_keeps_the_wrap(report):
    stream, ours = report.stream, report.stream.write
    stream.write = lambda text: ours(text.upper())
    stream.write("a")
    report.end()
    stream.write("b")
    assert stream.text == "AB" and kept(report) == ""


def test_the_last_word_ends_the_copy(report):
    report.stream.write("before ")
    report.fail("why\n")
    report.stream.write("after")
    assert kept(report) == "before why\n"


def test_it_keeps_the_end_of_a_long_text(report):
    for n in range(3000):
        report.stream.write(f"line {n}\n")
    text = kept(report)
    assert len(text) < LIMIT + 100 and text.endswith("line 2999\n")


def test_surrogates_and_other_types_do_no_harm(report):
    report.stream.write("\udcff")
    with pytest.raises(TypeError):
        report.stream.write(b"bytes")
    assert kept(report) == "?"


def test_without_a_file_or_a_stream_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    report = Report(-1)
    report.begin(0)
    report.fail("why")
    report.end()
    report.leave_to_child()
