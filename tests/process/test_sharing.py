"""Several workers accept from one socket: a client that one of them cannot take is another's."""

import json
import pathlib

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # gunicorn's sync workers hold one client each


def who(server):
    """The pid of the worker that takes a new client."""
    return json.loads(fetch(server, "/whoami", headers={"Connection": "close"}).body)


def client_of(server, pid):
    """A kept-alive client of this worker."""
    for _ in range(100):
        c = Client(server)
        if json.loads(c.get("/whoami").body) == pid:
            return c
        c.close()
    raise AssertionError(f"no connection of a hundred went to {pid}")


def wait_asleep(server):
    """Until every thread of every worker sleeps, the loop of each in its poller."""

    def is_asleep():
        tasks = [t for p in server.worker_pids() for t in pathlib.Path(f"/proc/{p}/task").iterdir()]
        return all((t / "stat").read_text().rpartition(")")[2].split()[0] == "S" for t in tasks)

    wait_until(is_asleep, 10, "all workers asleep")


@pytest.mark.asan_ci
def test_new_client_goes_past_a_worker_that_waits_for_an_upload(serve):
    """The very first one, too: a wake-up that the waiting worker declines would be nobody's."""
    s = serve("zoo:app", "--no-body-buffering", workers=2)
    wait_asleep(s)
    with Client(s) as upload:
        upload.send(request("/read_steps", "POST", headers={"Content-Length": 10}) + b"first")
        s.wait_for_mark("first")
        wait_asleep(s)
        takers = {who(s) for _ in range(5)}
        assert len(takers) == 1 and takers < set(s.worker_pids())
        upload.send(b" last")
        assert upload.read_response().body == b"first| last"
        assert takers != {json.loads(upload.get("/whoami").body)}
    assert who(s) in s.worker_pids()


def test_new_client_goes_past_a_waiting_worker_whose_other_connections_end(serve):
    """The room that they leave is of no use to anybody before the call is over."""
    s = serve("zoo:app", "--no-body-buffering", workers=2)
    wait_asleep(s)
    with Client(s) as idle:
        pid = json.loads(idle.get("/whoami").body)
        upload = client_of(s, pid)
        upload.send(request("/read_steps", "POST", headers={"Content-Length": 10}) + b"first")
        s.wait_for_mark("first")
        wait_asleep(s)
        idle.half_close().expect_close()
        # A wait of the sibling's own puts it behind the others in the queue for wake-ups.
        (s.dir / "first").unlink()
        with Client(s) as c:
            c.send(request("/read_steps", "POST", headers={"Content-Length": 10}) + b"first")
            s.wait_for_mark("first")
            wait_asleep(s)
            c.send(b" last")
            assert c.read_response().body == b"first| last"
        wait_asleep(s)
        takers = {who(s) for _ in range(5)}
        assert len(takers) == 1 and pid not in takers
        upload.send(b" last")
        assert upload.read_response().body == b"first| last"
        upload.close()


def test_new_client_goes_past_a_worker_that_waits_for_a_slow_reader(serve):
    s = serve(conf="response_memory = 10000\nresponse_file = 0\n", workers=2)
    wait_asleep(s)
    with Client(s, rcvbuf=4096) as reader:
        reader.send(request("/large?n=8000000&how=pieces"))
        wait_asleep(s)
        takers = {who(s) for _ in range(5)}
        assert len(takers) == 1
        assert len(reader.read_response().body) == 8_000_000
        assert takers != {json.loads(reader.get("/whoami").body)}


@pytest.mark.asan_ci
def test_new_client_goes_past_a_worker_that_is_full(serve):
    s = serve("zoo:app", "--worker-connections", "1", workers=2)
    wait_asleep(s)
    with Client(s, rcvbuf=4096) as reader:
        reader.send(request("/large?n=8000000"))
        reader.read_head()
        wait_asleep(s)
        assert len({who(s) for _ in range(5)}) == 1


@pytest.mark.asan_ci
def test_client_waits_when_all_are_full_and_is_taken_by_the_first_with_room(serve):
    s = serve("zoo:app", "--worker-connections", "1", workers=2)
    readers = []
    for _ in range(2):  # one by one: a silent connection would make room for the next
        c = Client(s, rcvbuf=4096)
        readers.append(c)
        c.send(request("/large?n=8000000"))
        c.read_head()
    with Client(s) as waiting:
        waiting.send(request("/ping"))
        assert waiting.is_quiet(0.3)
        readers[1].reset()
        assert waiting.read_response().body == b"pong"
    readers[0].close()


def test_client_waits_when_all_wait_and_is_taken_by_the_first_that_is_free(serve):
    s = serve("zoo:app", "--no-body-buffering", workers=2)
    uploads = []
    for _ in range(2):  # the second connects when the first worker is out of the way
        (s.dir / "first").unlink(missing_ok=True)
        c = Client(s)
        uploads.append(c)
        c.send(request("/read_steps", "POST", headers={"Content-Length": 10}) + b"first")
        s.wait_for_mark("first")
    with Client(s) as waiting:
        waiting.send(request("/ping"))
        assert waiting.is_quiet(0.3)
        uploads[1].send(b" last")
        assert uploads[1].read_response().body == b"first| last"
        assert waiting.read_response().body == b"pong"
    for c in uploads:
        c.close()
