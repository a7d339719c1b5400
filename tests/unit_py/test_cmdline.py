"""The command line, by argparse's rules."""

import pytest
from licorne.config import cmdline
from licorne.errors import UsageError


@pytest.mark.parametrize(
    "words, values, args",
    [
        ("app:app", {}, ["app:app"]),
        ("-w 4 app", {"workers": 4}, ["app"]),
        ("-w4 app", {"workers": 4}, ["app"]),
        ("-w=4 app", {"workers": 4}, ["app"]),
        ("app -w 4", {"workers": 4}, ["app"]),
        ("--workers=4", {"workers": 4}, []),
        ("-w -1", {"workers": -1}, []),
        ("-w 1 -w 2", {"workers": 2}, []),
        ("-b a:1 --bind=b:2", {"bind": ["a:1", "b:2"]}, []),
        ("--log-file -", {"errorlog": "-"}, []),
        ("--log-file=-", {"errorlog": "-"}, []),
        ("--error-logfile=x", {"errorlog": "x"}, []),
        ("--log-lev debug", {"loglevel": "debug"}, []),
        ("--keep-al=3", {"keepalive": 3}, []),
        ("--limit-request-field_size 9", {"limit_request_field_size": 9}, []),
        ("--preload", {"preload_app": True}, []),
        ("--no-sendfile", {"sendfile": False}, []),
        ("--no-body-buffering", {"body_buffering": False}, []),
        ("-m 0022", {"umask": 0o22}, []),
        ("--max-requests 0 --timeout=30 -R=0", None, None),
        ("--no-control-socket", {"control_socket_disable": True}, []),
        ("-- -w 4", {}, ["-w", "4"]),
    ],
)
def test_reads(words, values, args):
    if values is None:
        with pytest.raises(UsageError):
            cmdline.parse(words.split())
        return
    line = cmdline.parse(words.split())
    assert (line.values, line.args) == (values, args)


def test_value_with_a_space_may_begin_with_a_dash():
    assert cmdline.parse(["--log-file", "-a b"]).values == {"errorlog": "-a b"}


@pytest.mark.parametrize("word", ["--vers", "-v", "--version"])
def test_version_wins_over_what_follows(word):
    assert cmdline.parse([word, "--nonsense"]).special == cmdline.VERSION


@pytest.mark.parametrize(
    "words, message",
    [
        ("--nope", "unrecognized arguments: --nope"),
        ("-Z", "unrecognized arguments: -Z"),
        ("-w x", "argument -w/--workers: invalid int value: 'x'\nworkers takes an integer, 0 to"),
        ("-m 9x", "argument -m/--umask: invalid auto_int value: '9x'"),
        ("-w", "argument -w/--workers: expected one argument"),
        ("-w --preload", "argument -w/--workers: expected one argument"),
        ("--preload=1", "argument --preload: ignored explicit argument '1'"),
        ("--limit-request-f 1", "ambiguous option: --limit-request-f could match"),
        ("--access-log x", "ambiguous option: --access-log could match"),
        ("--ciphers 4", "argument --ciphers: this version of licorne does not have"),
        ("--workres 3", "unrecognized arguments: --workres (did you mean --workers?)"),
        ("--certfile x", "argument --certfile: this version of licorne does not have"),
        ("--http2-max-frame-size 1", "argument --http2-max-frame-size: this version"),
        ("--suppress-ragged-eofs=1", "ignored explicit argument"),
    ],
)
def test_refuses(words, message):
    with pytest.raises(UsageError) as caught:
        cmdline.parse(words.split())
    assert message in str(caught.value)


def test_gunicorns_flags_come_first_in_abbreviations():
    # --strict-host is ours, --strip-header-spaces is Gunicorn's
    assert cmdline.parse(["--stri"]).values == {"strip_header_spaces": True}
    assert cmdline.parse(["--stric"]).values == {"strict_host": True}


def test_help_names_every_flag():
    from licorne.config.settings import SETTINGS

    text = cmdline.help_text("usage: licorne")
    assert all(flag in text for setting in SETTINGS for flag in setting.flags)
