"""What ps, pgrep and killall find."""

import pathlib
import shutil
import subprocess
import sys

import pytest
from support.daemons import ask
from support.others import may_be_others
from support.server import command

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="titles are Linux's")
pytestmark = linux_only


def title(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def name(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def variables(pid):
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes()


def test_master_and_worker_say_what_they_are(serve):
    s = serve("mechanics:app")
    assert title(s.pid) == "licorne: master [mechanics:app]"
    assert title(s.worker_pids()[0]) == "licorne: worker [mechanics:app]"


def test_proc_name(serve):
    s = serve("mechanics:app", "-n", "shop")
    assert title(s.pid) == "licorne: master [shop]"
    assert title(s.worker_pids()[0]) == "licorne: worker [shop]"


@pytest.mark.parametrize(
    "conf, app, expected",
    [
        ("proc_name = 'shop'\n", "mechanics:app", "shop"),
        ("default_proc_name = 'shop'\n", "mechanics:app", "shop"),
        ("default_proc_name = 'shop'\nproc_name = 'other'\n", "mechanics:app", "other"),
        ("wsgi_app = 'mechanics:app'\n", None, "gunicorn"),
    ],
)
def test_names_from_the_file(serve, conf, app, expected):
    s = serve(app, conf=conf)
    assert title(s.pid) == f"licorne: master [{expected}]"


def test_a_long_name_is_cut_and_the_environment_stays(serve):
    s = serve("mechanics:app", conf=f"proc_name = 'x{'y' * 5000}'\n", env={"T_A": "stays"})
    for pid in (s.pid, *s.worker_pids()):
        assert title(pid).startswith("licorne: ") and "[xyyy" in title(pid)
        assert len(title(pid)) < 5000
        assert b"T_A=stays\0" in variables(pid)
    assert ask(s)["env"] == {"T_A": "stays"}


def test_the_short_name_stays_the_commands(serve):
    """`killall licorne` and `pgrep licorne` look at it."""
    script = pathlib.Path(sys.executable).with_name("licorne")
    if not script.exists():
        pytest.skip("no console script is installed")
    s = serve("mechanics:app", start=False)
    line = s.command_line()
    s.command_line = lambda: [str(script), *line[len(command()) :]]
    s.start()
    for pid in (s.pid, *s.worker_pids()):
        assert name(pid) == "licorne"
        assert title(pid).startswith("licorne: ")
    if shutil.which("pgrep"):
        found = subprocess.run(["pgrep", "-x", "licorne"], capture_output=True, text=True).stdout
        assert str(s.pid) in found.split()
        words = ["pgrep", "-f", "licorne: master"]
        assert str(s.pid) in subprocess.run(words, capture_output=True, text=True).stdout.split()


def test_the_name_it_was_called_by(serve, tmp_path):
    script = pathlib.Path(sys.executable).with_name("licorne")
    if not script.exists():
        pytest.skip("no console script is installed")
    other = tmp_path / "gunicorn"
    shutil.copy(script, other)
    s = serve("mechanics:app", start=False)
    line = s.command_line()
    s.command_line = lambda: [str(other), *line[len(command()) :]]
    s.start()
    assert title(s.pid) == "gunicorn: master [mechanics:app]"
    assert name(s.pid) == "gunicorn"
    assert "Starting gunicorn " in s.log()


@may_be_others
def test_workers_that_may_not_look_have_titles_too(serve):
    s = serve("mechanics:app", "-u", "nobody")
    assert title(s.worker_pids()[0]) == "licorne: worker [mechanics:app]"
