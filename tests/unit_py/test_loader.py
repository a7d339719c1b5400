"""Sources of settings, their order, and their errors."""

import pytest
from licorne.config.loader import load
from licorne.config.nearest import is_one_edit
from licorne.errors import ConfigError, UsageError


def config(argv="", **environ):
    return load(argv.split(), environ)[0]


def test_defaults(place):
    found = config()
    assert found.bind == ["127.0.0.1:8000"]
    assert (found.workers, found.keepalive, found.chdir) == (1, 75, str(place))
    assert found.forwarded_allow_ips == ["127.0.0.1", "::1"]
    with pytest.raises(AttributeError, match="No configuration setting for: nope"):
        found.nope  # noqa: B018


@pytest.mark.parametrize(
    "environ, name, value",
    [
        ({"PORT": "9"}, "bind", ["0.0.0.0:9"]),
        ({"WEB_CONCURRENCY": "3"}, "workers", 3),
        ({"FORWARDED_ALLOW_IPS": "*"}, "forwarded_allow_ips", ["*"]),
    ],
)
def test_environment_gives_the_default_only(write, environ, name, value):
    assert getattr(config(**environ), name) == value
    write("gunicorn.conf.py", "workers = 7\nbind = 'f:1'\nforwarded_allow_ips = '::1'\n")
    assert getattr(config(**environ), name) != value


@pytest.mark.parametrize("word, number", [("08", 8), (" 3 ", 3)])
def test_numbers_of_the_environment_are_decimal(place, word, number):
    assert config(WEB_CONCURRENCY=word).workers == number


def test_what_an_application_gives_is_above_the_defaults_only(write):
    write("gunicorn.conf.py", "backlog = 3")
    found, _ = load([], {"WEB_CONCURRENCY": "9"}, framework={"WORKERS": "2", "backlog": 2})
    assert (found.workers, found.backlog) == (2, 3)
    with pytest.raises(ConfigError, match="No configuration setting for: nope"):
        load([], {}, framework={"nope": 1})


def test_each_source_beats_the_one_before(write):
    write("gunicorn.conf.py", "workers = 2\nbacklog = 2\nkeepalive = 2\nloglevel = 'debug'\n")
    found = config(
        "--workers 5",
        WEB_CONCURRENCY="1",
        GUNICORN_CMD_ARGS="-w 3 --backlog 3 --keep-alive '3'",
        LICORNE_CMD_ARGS="-w 4 --backlog 4",
    )
    wanted = (5, 4, 3, "debug")
    assert (found.workers, found.backlog, found.keepalive, found.loglevel) == wanted
    assert found.origins["workers"] == "command line"
    assert found.origins["keepalive"] == "$GUNICORN_CMD_ARGS"
    assert str(found.origins["loglevel"]).endswith("gunicorn.conf.py, line 4")
    assert found.origins["umask"] == "default"


def test_bind_on_the_command_line_replaces_that_of_the_file(write):
    write("gunicorn.conf.py", "bind = ['a:1', 'b:2']")
    assert config("-b c:3 -b d:4").bind == ["c:3", "d:4"]


def test_licornes_own_file_is_preferred_and_only_one_is_read(write):
    write("gunicorn.conf.py", "workers = 2\nbacklog = 9")
    write("licorne.conf.py", "workers = 3")
    found = config()
    assert (found.workers, found.backlog) == (3, 2048)


@pytest.mark.parametrize("form", ["{}", "file:{}"])
def test_named_file_replaces_the_default_one(write, form):
    write("gunicorn.conf.py", "workers = 2\nbacklog = 9")
    path = write("other.py", "workers = 3")
    found = config("-c " + form.format(path))
    assert (found.workers, found.backlog) == (3, 2048)
    assert config(GUNICORN_CMD_ARGS="-c " + path).workers == 3


def test_file_may_be_a_module_and_import_its_neighbours(write):
    write("neighbour_of_conf.py", "N = 4")
    write("conf_as_module.py", "from neighbour_of_conf import N as workers")
    assert config("-c python:conf_as_module").workers == 4


def test_file_runs_as_the_module_config(write):
    path = write("gunicorn.conf.py", "import sys\nworkers = len(sys.modules[__name__].__file__)")
    assert config().workers == len(path)


def test_odd_extension_warns_and_loads(write, capsys):
    path = write("settings.ini", "workers = 3")
    assert config("-c " + path).workers == 3
    assert "configuration file should have a valid Python extension" in capsys.readouterr().err


def test_other_names_are_no_settings(write, capsys):
    write("gunicorn.conf.py", "import os\nWORKERS = 9\n_workers = 8\ndef helper(): pass\n")
    assert config().workers == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text, name, meant",
    [
        ("max_request = 5", "max_request", "max_requests"),
        ("maxrequest = 5", "maxrequest", "max_requests"),
        ("time_outs = 5", "time_outs", "timeout"),
        ("def postfork(a, b): pass", "postfork", "post_fork"),
    ],
)
def test_near_misses_are_named(write, capsys, text, name, meant):
    write("gunicorn.conf.py", "\n" + text)
    config()
    err = capsys.readouterr().err
    assert f"gunicorn.conf.py, line 2: {name!r} is not a setting" in err
    assert f"did you mean {meant!r}?" in err


@pytest.mark.parametrize(
    "text",
    [
        "worker = 2; workers = worker * 2",
        "import types as thread",
        "class User: pass",
        "def times(): pass",
        "def timeouts(): pass",
        "keep_it = 3",
    ],
)
def test_helpers_of_the_file_are_no_near_misses(write, capsys, text):
    write("gunicorn.conf.py", text)
    config()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text, line",
    [
        ("timeout = -1\ndef f():\n    timeout = 3\nclass C:\n    timeout = 4", 1),
        ("timeout = 1\nif timeout:\n    timeout = -1", 3),
        ("from math import tau\nfrom math import tau as timeout", 2),
        ("import os\nimport sys as timeout\nimport timeit", 2),
        ("\nfor timeout in (1, -1): pass", 2),
    ],
)
def test_errors_name_the_line_that_gave_the_global(write, text, line):
    write("gunicorn.conf.py", text)
    with pytest.raises(ConfigError) as caught:
        config()
    assert caught.value.lead.endswith(f"gunicorn.conf.py, line {line})")


def test_dirty_applications_are_refused_when_they_would_run(write):
    write("gunicorn.conf.py", "dirty_apps = ['a:B']\ndirty_timeout = 4")
    assert config().dirty_timeout == 4
    with pytest.raises(ConfigError, match="licorne has no dirty workers") as caught:
        config("--dirty-workers 2")
    assert "dirty_apps: ['a:B'] (" in caught.value.lead and "line 1)" in caught.value.lead
    assert "dirty_workers: 2 (command line)" in caught.value.lead


@pytest.mark.parametrize(
    "text, lead, message",
    [
        ("\nworkers = '08'", "Invalid value for workers: 08 (", "base 0: '08'\nworkers takes an"),
        ("if 1:\n  bind = 'a:x'", "gunicorn.conf.py, line 2)", "'x' is not a valid port number."),
        ("header_map = 'x'", "line 1)", "header_map takes one of: drop, refuse, dangerous."),
        ("chdir = '/no/such'", "for chdir", "can't chdir to '/no/such'"),
        (
            "http2_max_frame_size = 16385",
            "for http2_max_frame_size: 16385 (",
            "does not have the setting 'http2_max_frame_size' yet",
        ),
        ("certfile = 'a'", "gunicorn.conf.py, line 1)", "does not have the setting 'certfile' yet"),
        ("\nhttp2_max_frame_size = 1", "gunicorn.conf.py, line 2)", "at least 16384"),
        ("def ssl_context(a): pass", "gunicorn.conf.py, line 1)", "an arity of: 2"),
        ("def dirty_worker_init(): pass", "gunicorn.conf.py, line 1)", "an arity of: 1"),
        ("a = 1\n1/0", "Failed to read config file: ", ""),
        ("workers = = 1", "SyntaxError", ""),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'", ""),
    ],
)
def test_errors_in_the_file_say_where(write, text, lead, message):
    write("gunicorn.conf.py", text)
    with pytest.raises(ConfigError) as caught:
        config()
    assert lead in caught.value.lead
    assert message in str(caught.value)


def test_traceback_begins_in_the_users_file(write):
    write("gunicorn.conf.py", "1/0")
    with pytest.raises(ConfigError) as caught:
        config()
    lines = caught.value.lead.splitlines()
    assert lines[1].startswith("Traceback") and "gunicorn.conf.py" in lines[2]


@pytest.mark.parametrize(
    "argv, environ, message",
    [
        ("-c nosuch.py", {}, "'nosuch.py' doesn't exist"),
        ("-c python:no_such_module", {}, "No module named 'no_such_module'"),
        ("-w -1", {}, "Value must be positive: -1"),
        ("", {"WEB_CONCURRENCY": "x"}, "invalid literal"),
        ("", {"PORT": "x"}, "'x' is not a valid port number."),
        ("", {"GUNICORN_CMD_ARGS": "'"}, "No closing quotation"),
    ],
)
def test_errors_outside_of_the_file(place, argv, environ, message):
    with pytest.raises(ConfigError, match=message):
        config(argv, **environ)


def test_usage_errors_of_the_environment_name_the_variable(place):
    with pytest.raises(UsageError, match=r"arguments: --bogus\n\$LICORNE_CMD_ARGS: -w 3 --bogus"):
        config(LICORNE_CMD_ARGS="-w 3 --bogus")


def test_chdir_is_entered_and_first_on_the_path(place):
    import os
    import sys

    (place / "sub").mkdir()
    config("--chdir sub")
    assert os.getcwd() == sys.path[0] == str(place / "sub")


@pytest.mark.parametrize(
    "text, environ, expected",
    [
        ("", {}, True),
        ("", {"SENDFILE": "yes"}, True),
        ("", {"SENDFILE": "no"}, False),
        ("sendfile = True", {"SENDFILE": "no"}, True),
        ("sendfile = False", {}, False),
    ],
)
def test_sendfile(write, text, environ, expected):
    write("gunicorn.conf.py", text)
    assert config(**environ).engine()["sendfile"] is expected


def test_engine_gets_plain_values_and_effective_limits(write):
    write(
        "gunicorn.conf.py",
        "limit_request_line = 99999\nlimit_request_fields = 0\nlimit_request_field_size = 0\n",
    )
    found = config().engine()
    assert found["limit_request_line"] == 8190
    assert found["limit_request_fields"] == 32768
    assert found["limit_request_field_size"] == 8190
    assert ("X-FORWARDED-SSL", "on") in found["secure_scheme_headers"]
    assert "bind" not in found and "preload_app" not in found
    assert config("--limit-request-line 0").engine()["limit_request_line"] == 0


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ("worker", "workers", True),
        ("workerss", "workers", True),
        ("workres", "workers", True),
        ("wockers", "workers", True),
        ("workers", "workers", False),
        ("work", "workers", False),
        ("wrokres", "workers", False),
        ("", "a", True),
    ],
)
def test_one_edit(a, b, expected):
    assert is_one_edit(a, b) is expected and is_one_edit(b, a) is expected
