"""Bodies and responses that wait in files: where, and what happens when there is no room."""

import contextlib
import ctypes
import os
import subprocess
import tempfile

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # gunicorn spools nothing


@pytest.mark.asan_ci
@pytest.mark.parametrize("where", ["missing", "file"])
def test_spool_folder_that_cannot_be_used(serve, where):
    s = serve(start=False)
    place = s.dir / "spool"
    if where == "file":
        place.write_text("not a folder")
    s.conf = f"tmp_upload_dir = {str(place)!r}\n"
    s.expect_errors = True
    s.spawn()
    try:
        s.wait_ready()
    except AssertionError:
        assert str(place) in s.log()  # refusing to start, saying why, is right too
        return
    for _ in range(3):
        with Client(s) as c:
            assert c.get("/echo", "POST", body=b"x" * 1000).status == 200  # fits in memory
            assert c.get("/echo", "POST", body=b"x" * 200_000).status in (500, 503)
    assert fetch(s, "/ping").status == 200
    assert len(s.worker_pids()) == 1


@pytest.fixture
def tiny(tmp_path):
    """A file system of one megabyte."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True
    )
    if done.returncode:
        pytest.skip("needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.mark.needs_root
def test_disk_full_for_a_request_body(serve, tiny):
    s = serve(conf=f"tmp_upload_dir = {str(tiny)!r}\n", expect_errors=True)
    with Client(s) as c:
        assert c.get("/echo", "POST", body=b"x" * 500_000).status == 200
    for _ in range(5):
        with Client(s) as c:
            c.send_some(request("/echo", "POST", body=b"x" * 3_000_000))
            assert c.read_response().status in (500, 503, 507)
    with Client(s) as c:  # and room again afterwards
        assert c.get("/echo", "POST", body=b"x" * 500_000).status == 200
    assert s.new_log().count("[ERROR]") <= 8
    assert os.listdir(tiny) == []


@pytest.mark.needs_root
def test_disk_full_for_a_response(serve, tiny):
    """Cut, or sent at the client's pace: never a wrong byte, and the worker goes on."""
    s = serve(conf=f"tmp_upload_dir = {str(tiny)!r}\n", expect_errors=True)
    with Client(s, rcvbuf=4096) as c:
        headers = {"Connection": "close"}
        c.send(request("/large?n=20000000&how=pieces&cl=1", headers=headers))
        c.read_head()
        body, whole = b"", bytes(range(256)) * 80_000
        c.sock.settimeout(deadline(20))
        with contextlib.suppress(ConnectionResetError):
            body = c.read_all()
        assert whole.startswith(body)
    assert fetch(s, "/ping").status == 200


@pytest.mark.asan_ci
def test_spool_files_have_no_name(serve, tmp_path):
    """Unlinked from the start: a crash leaves nothing behind."""
    s = serve(conf=f"tmp_upload_dir = {str(tmp_path)!r}\n")
    data = request("/echo", "POST", body=b"x" * 1_000_000)
    with Client(s) as c:
        c.send(data[:-1])
        folder = f"/proc/{s.worker_pids()[0]}/fd/"
        wait_until(
            lambda: any(str(tmp_path) in os.readlink(folder + n) for n in os.listdir(folder)),
            5,
            "a spool file",
        )
        assert os.listdir(tmp_path) == []
        c.send(data[-1:])
        assert len(c.read_response().body) == 1_000_000


def can_punch(folder):
    """Can files there give back disk in the middle?"""
    with tempfile.TemporaryFile(dir=folder) as f:
        libc = ctypes.CDLL(None, use_errno=True)
        f.truncate(1 << 20)
        return libc.fallocate(f.fileno(), 3, ctypes.c_long(0), ctypes.c_long(1 << 19)) == 0


@pytest.mark.slow
def test_what_a_slow_reader_has_taken_gives_its_disk_back(serve, tmp_path):
    """The disk follows what waits, not all that ever passed through it."""
    n = 160_000_000
    s = serve(conf=f"tmp_upload_dir = {str(tmp_path)!r}\n")
    with Client(s, rcvbuf=65536) as c:
        c.send(request(f"/large?n={n}&how=pieces&cl=1"))
        c.read_head()
        folder = f"/proc/{s.worker_pids()[0]}/fd/"

        def spool():
            found = [os.stat(folder + f) for f in os.listdir(folder) if is_in(tmp_path, folder + f)]
            return found[0] if found else None

        wait_until(lambda: spool() and spool().st_size > n - 10_000_000, 20, "the whole answer")
        c.read_exactly(120_000_000)
        used = spool().st_blocks * 512
        assert used < 100_000_000 or not can_punch(tmp_path)
        rest = c.read_exactly(n - 120_000_000)
        assert rest == (bytes(range(256)) * (n // 256))[-len(rest) :]


def is_in(folder, link):
    return os.readlink(link).startswith(str(folder))
