"""Whom workers run as, what they are given, and where."""

import grp
import os
import re
import signal
import stat
import subprocess
import sys

import pytest
from support.clock import wait_until
from support.daemons import ask
from support.others import NOBODY, become_nobody, may_be_others
from support.rawhttp import fetch

GROUP = grp.getgrgid(NOBODY.pw_gid).gr_name


def may_change_nobody():
    """Root without the right to be others."""
    import ctypes

    for capability in (6, 7):  # CAP_SETGID, CAP_SETUID
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP


def is_for_everybody():
    """Whether others may run this interpreter; it may lie in root's own folder."""
    done = subprocess.run(
        [sys.executable, "-c", "import licorne, json"],
        preexec_fn=become_nobody,
        capture_output=True,
    )
    return done.returncode == 0


@may_be_others
@pytest.mark.parametrize("user, group", [("nobody", GROUP), (NOBODY.pw_uid, NOBODY.pw_gid)])
def test_workers_run_as_who_is_named(serve, user, group):
    s = serve("mechanics:app", "-u", str(user), "-g", str(group))
    told = ask(s)
    assert told["uid"] == [NOBODY.pw_uid] * 3
    assert told["gid"] == [NOBODY.pw_gid] * 3
    assert told["groups"] == sorted(os.getgroups()), "the master's, as under gunicorn"
    assert told["imported_as"][0] == NOBODY.pw_uid, "the application is imported by them"
    with open(f"/proc/{s.pid}/status") as status:
        assert "Uid:\t0\t0\t0\t0" in status.read(), "the master stays root"


@may_be_others
def test_threads_of_an_early_engine_change_too(serve):
    s = serve("mechanics:app", "-u", "nobody", "-g", GROUP, "--health-path", "/health")
    assert ask(s)["uid"] == [NOBODY.pw_uid] * 3
    worker = s.worker_pids()[0]
    tasks = os.listdir(f"/proc/{worker}/task")
    assert len(tasks) > 1
    for task in tasks:
        with open(f"/proc/{worker}/task/{task}/status") as status:
            assert re.search(rf"^Uid:(\t{NOBODY.pw_uid}){{4}}$", status.read(), re.M)


@may_be_others
def test_a_successor_runs_as_the_same(serve):
    s = serve("mechanics:app", "--user", "nobody")
    first = ask(s)
    assert first["gid"] == [0, 0, 0]
    os.kill(first["pid"], signal.SIGKILL)
    s.expect_errors = True
    s.wait_log("(?s)Booting worker.*Booting worker")
    told = wait_until(lambda: ask(s), 10)
    assert told["pid"] != first["pid"] and told["uid"] == first["uid"]
    s.expect_errors = False


@may_be_others
def test_other_groups_of_the_user(serve):
    expected = sorted({*os.getgrouplist("daemon", NOBODY.pw_gid)})
    args = ("--user", "daemon", "--group", GROUP, "--initgroups")
    told = ask(serve("mechanics:app", *args))
    assert told["groups"] == expected
    assert told["gid"] == [NOBODY.pw_gid] * 3


@may_be_others
def test_a_number_without_a_name(serve):
    told = ask(serve("mechanics:app", "-u", "54321", "-g", "54321", "--initgroups"))
    assert told["uid"] == [54321] * 3 and told["gid"] == [54321] * 3


@may_be_others
def test_who_may_not_change_fails_to_boot(serve):
    s = serve(
        "mechanics:app", "-u", "1", preexec_fn=may_change_nobody, start=False, expect_errors=True
    )
    assert s.run_to_exit() == 3
    assert "PermissionError" in s.log() and "Reason: Worker failed to boot." in s.log()


@may_be_others
def test_an_unprivileged_server_that_names_itself(serve):
    try:
        is_possible = is_for_everybody()
    except OSError:
        is_possible = False
    if not is_possible:
        pytest.skip("the interpreter is root's alone")
    s = serve("mechanics:app", "-u", "nobody", "-g", GROUP, preexec_fn=become_nobody)
    assert ask(s)["uid"] == [NOBODY.pw_uid] * 3


@pytest.mark.parametrize(
    "args, words",
    [
        (("-u", "no such user"), "No such user: 'no such user'"),
        (("-g", "no such group"), "No such group: 'no such group'"),
    ],
)
def test_who_is_not_known_is_told(serve, args, words):
    s = serve("mechanics:app", *args, start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert f"Error: {words}" in s.log()


def test_none_is_whoever_started_it(serve):
    s = serve("mechanics:app", conf="user = None\ngroup = None\ninitgroups = False\n")
    assert ask(s)["uid"] == list(os.getresuid())


@may_be_others
def test_log_files_are_given_to_workers(serve):
    s = serve(start=False)
    log, access = s.dir / "log", s.dir / "access"
    s.app = "mechanics:app"
    s.args = ("-u", "nobody", "-g", GROUP, "--log-file", str(log), "--access-logfile", str(access))
    os.chmod(s.dir, 0o777)
    s.spawn()
    s.wait_ready()
    for path in (log, access):
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    old = access.rename(s.dir / "access.1")
    s.signal(signal.SIGUSR1)
    wait_until(access.exists, 10, "the new file")
    wait_until(lambda: access.stat().st_uid == NOBODY.pw_uid, 10, "its owner")
    wait_until(lambda: fetch(s, "/after") and "/after" in access.read_text(), 10, "a line in it")
    assert "/after" not in old.read_text() or "/after" in access.read_text()
    assert "Traceback" not in log.read_text()


@may_be_others
def test_unix_sockets_are_given_to_workers(serve):
    s = serve("mechanics:app", "-u", "nobody", "-g", GROUP, "-m", "007", bind="unix")
    found = os.stat(s.address)
    assert (found.st_uid, found.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert stat.S_IMODE(found.st_mode) == 0o770
    s.stop()
    assert not os.path.exists(s.address)


# What else a worker is given.


def test_variables_of_the_environment(serve):
    s = serve("mechanics:app", "-e", "T_A=1", "--env", "T_B=a=b", "-e", "T_C=", env={"T_A": "0"})
    told = ask(s)
    assert told["env"] == {"T_A": "1", "T_B": "a=b", "T_C": ""}
    assert told["imported_as"][1] == "1"


def test_variables_are_there_for_a_preloaded_application(serve):
    s = serve("mechanics:app", "--preload", conf="raw_env = ['T_A=early']\n")
    assert ask(s)["imported_as"][1] == "early"


def test_variables_of_another_configuration_are_gone(serve):
    s = serve("mechanics:app", conf="raw_env = ['T_A=1', 'T_B=1']\n", env={"T_B": "0"})
    assert ask(s)["env"] == {"T_A": "1", "T_B": "1"}
    conf = "import os\nraw_env = ['T_C=' + os.environ['T_B'] + os.environ.get('T_A', '')]\n"
    (s.dir / "conf.py").write_text(conf)
    s.signal(signal.SIGHUP)
    wait_until(lambda: ask(s)["env"] == {"T_B": "0", "T_C": "0"}, 10, "the new variables")


def test_a_variable_without_a_value(serve):
    s = serve("mechanics:app", "-e", "T_A", start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert "Error: environment setting 'T_A' invalid" in s.log()


def test_the_mask_of_the_process_is_not_changed(serve):
    """Only sockets are made with it, as under gunicorn."""
    os.umask(mine := os.umask(0))
    assert ask(serve("mechanics:app", "--umask", "077"))["umask"] == mine


def test_worker_tmp_dir_must_exist(serve, tmp_path):
    s = serve("mechanics:app", "--worker-tmp-dir", "/nosuch", start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert "/nosuch doesn't exist. Can't create workertmp." in s.log()
    assert ask(serve("mechanics:app", "--worker-tmp-dir", str(tmp_path)))["pid"]
    assert os.listdir(tmp_path) == []


def test_chdir_and_pythonpath(serve, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    s = serve("mechanics:app", "--chdir", str(here), "--pythonpath", f"{there},{tmp_path}")
    told = ask(s)
    assert told["cwd"] == str(here)
    assert told["path"][:2] == [str(tmp_path), str(there)]
    assert str(here) in told["path"]
