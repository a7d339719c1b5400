"""Every number among the settings, at its bounds and beyond them, from every place it may come."""

import pytest
from licorne.config import settings
from licorne.config.bounds import LENGTHS, NUMBERS
from licorne.config.loader import load
from licorne.errors import ConfigError, UsageError

NUMERIC = [row for row in settings.SETTINGS if row.name in NUMBERS]
ROWS = [pytest.param(row, *NUMBERS[row.name], id=row.name) for row in NUMERIC]


# What is no number within any bounds, as the text of a configuration file.
NO_NUMBERS = [
    "10**5000",
    "-10**5000",
    "'9' * 5000",
    "1.5",
    "float('inf')",
    "None",
    "''",
    "'x'",
    "'08'",
    "[]",
    "{}",
    "object()",
    "type('Unprintable', (), {'__str__': lambda self: 1 / 0})()",
]


def refusal(argv, environ):
    with pytest.raises((ConfigError, UsageError)) as caught:
        load(argv, environ)
    error = caught.value
    return f"{getattr(error, 'lead', '')}\n{error}"


def test_every_number_has_bounds_and_every_bound_a_number():
    assert {row.name for row in NUMERIC} == set(NUMBERS)
    assert {row.name for row in settings.SETTINGS} >= set(LENGTHS)
    for row in NUMERIC:
        least, most = NUMBERS[row.name]
        assert f"{least} to {most}" in row.kind.allowed


@pytest.mark.parametrize("row, least, most", ROWS)
def test_at_its_bounds_a_number_is_taken(write, row, least, most):
    for value in (least, least + 1, most - 1, most):
        for text in (value, repr(hex(value))):
            write("gunicorn.conf.py", f"{row.name} = {text}")
            assert getattr(load([], {})[0], row.name) == value
        for flag in row.flags:
            assert getattr(load([flag, str(value)], {})[0], row.name) == value
            environ = {"GUNICORN_CMD_ARGS": f"{flag} {value}"}
            assert getattr(load([], environ)[0], row.name) == value


@pytest.mark.parametrize("row, least, most", ROWS)
def test_beyond_them_it_is_refused_with_all_there_is_to_say(write, row, least, most):
    for value in (least - 1, most + 1, most * 2 + 2, 2**64, -(2**31), -(2**63) - 1):
        for flag in row.flags:
            for argv, environ, origin in (
                ([flag, str(value)], {}, "(command line)"),
                ([], {"LICORNE_CMD_ARGS": f"{flag} {value}"}, "($LICORNE_CMD_ARGS)"),
            ):
                text = refusal(argv, environ)
                assert f"Invalid value for {row.name}: {value} {origin}" in text
                assert text.endswith(f"{row.name} {row.kind.allowed}")
        write("gunicorn.conf.py", f"\n{row.name} = {value}")
        text = refusal([], {})
        assert f"Invalid value for {row.name}: {value} (" in text
        assert "gunicorn.conf.py, line 2)" in text
        assert text.endswith(f"{row.name} {row.kind.allowed}")
        write("gunicorn.conf.py", "")


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("row, least, most", ROWS)
def test_what_is_no_number_is_refused_in_the_same_way(write, row, least, most, value):
    write("gunicorn.conf.py", f"{row.name} = {value}")
    text = refusal([], {})
    assert text.startswith(f"Invalid value for {row.name}: ")
    assert "gunicorn.conf.py, line 1)" in text
    assert text.endswith(f"{row.name} {row.kind.allowed}")


@pytest.mark.parametrize("word", ["", "x", "1.5", "9" * 5000, "0x10"])
def test_what_no_command_line_can_mean_is_a_usage_error(place, word):
    for row in NUMERIC:
        for flag in row.flags:
            if row.kind.cli is not settings.BY_NAME["umask"].kind.cli or word != "0x10":
                assert f"invalid {row.kind.cli_name} value: {word!r}" in refusal([flag, word], {})


def test_the_number_of_workers_may_come_from_the_environment(place):
    text = refusal([], {"WEB_CONCURRENCY": "1024"})
    assert "Invalid value for workers: 1024 ($WEB_CONCURRENCY)" in text
    assert text.endswith("workers takes an integer, 0 to 1023.")


def test_what_is_not_there_yet_survives_any_value(write):
    for value in ("10**5000", "[10**5000]"):
        write("gunicorn.conf.py", f"threads = {value}")
        assert refusal([], {}).startswith("Invalid value for threads: ")


@pytest.mark.parametrize("name, item", [
    ("bind", "f'127.0.0.1:{n}'"),
    ("forwarded_allow_ips", "f'10.0.{n // 256}.{n % 256}'"),
    ("forwarder_headers", "f'X{n}'"),
])  # fmt: skip
def test_lists_are_counted(write, name, item):
    most = LENGTHS[name]
    text = "items = [%s for n in range(%d)]\n%s = items if '%s' == 'bind' else ','.join(items)"
    write("gunicorn.conf.py", text % (item, most, name, name))
    assert len(getattr(load([], {})[0], name)) == most
    write("gunicorn.conf.py", text % (item, most + 1, name, name))
    text = refusal([], {})
    assert f"More than {most} items: {most + 1}" in text and f"; {most} at the most." in text
