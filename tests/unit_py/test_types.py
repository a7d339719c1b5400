"""Coercions and messages, one row each."""

import os

import pytest
from licorne.config import types
from licorne.config.settings import BY_NAME, PENDING, SETTINGS, is_later_default

ACCEPTED = [
    (types.POS_INT, 3, 3),
    (types.POS_INT, 0, 0),
    (types.POS_INT, True, 1),
    (types.POS_INT, "2", 2),
    (types.POS_INT, "0x10", 16),
    (types.POS_INT, "0b11", 3),
    (types.SIZE, "0x100000000", 2**32),
    (types.BOOL, True, True),
    (types.BOOL, None, None),
    (types.BOOL, " TRUE ", True),
    (types.BOOL, "false", False),
    (types.STRING, None, None),
    (types.STRING, "  a b ", "a b"),
    (types.STRING_LIST, None, []),
    (types.STRING_LIST, "", []),
    (types.STRING_LIST, " a ", ["a"]),
    (types.STRING_LIST, ["a ", " b"], ["a", "b"]),
    (types.CSV_LIST, "a, b,,c ", ["a", "b", "c"]),
    (types.CSV_LIST, None, []),
    (types.ADDR_LIST, "*", ["*"]),
    (types.ADDR_LIST, "10.0.0.0/8, ::1", ["10.0.0.0/8", "::1"]),
    (types.ADDR_LIST, "", []),
    (types.DICT, {"X-FORWARDED-PROTO": "https"}, {"X-FORWARDED-PROTO": "https"}),
    (types.HEADER_MAP, " Refuse", "refuse"),
    (types.HEADER_MAP, None, "drop"),
    (types.WORKER_CLASS, "sync", "sync"),
    (types.WORKER_CLASS, "gunicorn.workers.sync.SyncWorker", "sync"),
    (types.HOOK_1, None, None),
    (types.HOOK_1, "os.path.basename", os.path.basename),
    (types.HOOK_2, os.path.relpath, os.path.relpath),
    (types.HOOK_2_TO_4, os.path.relpath, os.path.relpath),
]

REFUSED = [
    (types.POS_INT, "08", ValueError, "invalid literal for int() with base 0: '08'"),
    (types.POS_INT, 1.5, TypeError, "int() can't convert non-string with explicit base"),
    (types.POS_INT, -1, ValueError, "Value must be positive: -1"),
    (types.POS_INT, "-1", ValueError, "Value must be positive: -1"),
    (types.POS_INT.within(1, 9), 0, ValueError, "Value must be at least 1: 0"),
    (types.POS_INT.within(1, 9), "0xa", ValueError, "Value must be at most 9: 0xa"),
    (types.STRING_LIST.at_most(1), ["a", "b"], ValueError, "More than 1 items: 2"),
    (types.SIZE, "-1", ValueError, "Value must be positive: -1"),
    (types.POS_INT, None, TypeError, "int() can't convert non-string with explicit base"),
    (types.BOOL, "yes", ValueError, "Invalid boolean: yes"),
    (types.BOOL, 1, TypeError, "Invalid type for casting: 1"),
    (types.STRING, 1, TypeError, "Not a string: 1"),
    (types.STRING_LIST, [1], TypeError, "Not a string: 1"),
    (types.ADDR_LIST, "10.0.0.1/8", ValueError, "10.0.0.1/8 has host bits set"),
    (types.ADDR_LIST, "nonsense", ValueError, "does not appear to be an IPv4 or IPv6 network"),
    (types.ADDR_LIST, ["::1"], TypeError, "Not a string: ['::1']"),
    (types.CSV_LIST, ["a"], TypeError, "Not a string: ['a']"),
    (types.HEADER_MAP, 3, TypeError, "Invalid type for casting: 3"),
    (types.DICT, [], TypeError, "Value is not a dictionary: []"),
    (types.DICT, {"A": 1}, TypeError, "Not a string: 1"),
    (types.CHDIR, "/no/such/place", ValueError, "can't chdir to '/no/such/place'"),
    (types.HEADER_MAP, "keep", ValueError, "Invalid header map behaviour: keep"),
    (types.WORKER_CLASS, "gevent", ValueError, "'gevent' invalid or not found"),
    (types.HOOK_1, 3, TypeError, "Value is not callable: 3"),
    (types.HOOK_1, "nodot", TypeError, "Value 'nodot' is not import string. Format: module["),
    (types.HOOK_1, "os.no_such", TypeError, "Can not load 'no_such' from 'os'"),
    (types.HOOK_1, "no_such_module.x", TypeError, "No module named 'no_such_module'"),
    (types.HOOK_2, os.path.basename, TypeError, "Value must have an arity of: 2"),
    (types.HOOK_2, lambda *a: 0, TypeError, "Value must have an arity of: 2"),
    (types.HOOK_3, lambda a, b: 0, TypeError, "Value must have an arity of: 3"),
    (types.HOOK_2_TO_4, lambda a: 0, TypeError, "Value must have an arity of: 2 or 3 or 4"),
]


@pytest.mark.parametrize("kind, value, expected", ACCEPTED)
def test_accepts_and_converts(kind, value, expected):
    assert kind.check(value) == expected


@pytest.mark.parametrize("kind, value, error, message", REFUSED)
def test_refuses_with_gunicorns_message(kind, value, error, message):
    with pytest.raises(error) as caught:
        kind.check(value)
    assert message in str(caught.value)


@pytest.mark.parametrize("word, number", [("0022", 0o22), ("0o22", 0o22), ("18", 18), ("0x12", 18)])
def test_umask_on_the_command_line_may_be_octal_as_in_c(word, number):
    assert types.OCTAL.cli(word) == number


def test_chdir_becomes_absolute(place):
    (place / "sub").mkdir()
    assert types.CHDIR.check("sub") == str(place / "sub")


def test_working_directory_keeps_the_symlink_of_pwd(place, monkeypatch):
    (place / "release").mkdir()
    (place / "current").symlink_to("release")
    monkeypatch.chdir(place / "current")
    monkeypatch.setenv("PWD", str(place / "current"))
    assert types.getcwd() == str(place / "current")
    monkeypatch.setenv("PWD", str(place))
    assert types.getcwd() == str(place / "release")


def test_every_name_and_flag_is_there_once():
    names = [setting.name for setting in (*SETTINGS, *PENDING)]
    assert len(names) == len(set(names))
    flags = [flag for setting in (*SETTINGS, *PENDING) for flag in setting.flags]
    assert len(flags) == len(set(flags))


def test_gunicorns_settings_are_all_known():
    theirs = [setting.name for setting in SETTINGS if not setting.own]
    assert len(theirs) + len(PENDING) == 120


def test_own_flags_are_the_name_with_dashes():
    for setting in SETTINGS:
        if setting.own:
            flag = "--" + setting.name.replace("_", "-")
            assert setting.flags in ([flag], ["--no-" + flag[2:]])


def test_every_default_passes_its_own_check():
    for setting in BY_NAME.values():
        if setting.default is not None:
            setting.kind.check(setting.default)


@pytest.mark.parametrize(
    "name, value, accepted",
    [
        ("asgi_disconnect_grace_period", 3, True),
        ("asgi_disconnect_grace_period", "3", True),
        ("asgi_disconnect_grace_period", 4, False),
        ("do_handshake_on_connect", False, True),
        ("do_handshake_on_connect", True, False),
        ("suppress_ragged_eofs", True, True),
        ("suppress_ragged_eofs", False, False),
        ("raw_paste_global_conf", [], True),
        ("raw_paste_global_conf", ["A=1"], False),
        ("keyfile", None, True),
        ("certfile", "x.pem", False),
        ("proxy_allow_ips", "127.0.0.1, ::1", True),
        ("post_fork", len, False),
        ("proxy_protocol", "none", True),
        ("proxy_protocol", True, False),
        ("http_protocols", " H1", True),
        ("http_protocols", "h2,h1", False),
        ("http2_cleartext", False, True),
        ("http2_cleartext", True, False),
        ("asgi_loop", "uvloop", False),
        ("ssl_context", None, True),
    ],
)
def test_what_is_not_there_yet_is_accepted_at_its_default_only(name, value, accepted):
    assert is_later_default(name, value) is accepted
