"""Settings whose feature is not built: at their default accepted, else refused by name."""

import pytest
from licorne.config import settings
from licorne.config.loader import load
from licorne.errors import ConfigError, UsageError

# A value other than the default, as a word, where the kind does not tell one.
OTHER = {
    "proxy_protocol": "v1",
    "http_protocols": "h2",
    "http2_cleartext": "both",
    "asgi_loop": "uvloop",
    "asgi_lifespan": "off",
    "cert_reqs": "2",
    "ssl_version": "3",
    "suppress_ragged_eofs": "False",
    "do_handshake_on_connect": "True",
    "proxy_allow_ips": "10.0.0.1",
    "uwsgi_allow_ips": "10.0.0.1",
}
IDS = [row.name for row in settings.PENDING]


def other(row):
    """-> a value that asks for the feature"""
    if row.kind.cli:
        return str(row.default + 1)
    return OTHER.get(row.name, "x")


@pytest.mark.parametrize("row", settings.PENDING, ids=IDS)
def test_default_is_accepted_in_the_file(write, row):
    write("gunicorn.conf.py", f"{row.name} = {row.default!r}")
    found = load([], {})[0]
    assert getattr(found, row.name) == (row.default and row.kind.check(row.default))


@pytest.mark.parametrize("row", settings.PENDING, ids=IDS)
def test_another_value_is_refused_by_name_file_and_line(write, row):
    value = "def ssl_context(config, factory): pass" if not row.flags else None
    write("gunicorn.conf.py", "\n" + (value or f"{row.name} = {other(row)!r}"))
    with pytest.raises(ConfigError) as caught:
        load([], {})
    assert f"does not have the setting {row.name!r} yet" in str(caught.value)
    assert caught.value.lead.startswith(f"Invalid value for {row.name}: ")
    assert caught.value.lead.endswith("gunicorn.conf.py, line 2)")


@pytest.mark.parametrize("row", [row for row in settings.PENDING if row.flags], ids=str)
def test_another_value_is_refused_by_its_flag(place, row):
    if row.kind.takes_value:
        words = [row.flags[-1], other(row)]
    elif row.default is True:
        return  # the flag says what is so anyway
    else:
        words = [row.flags[-1]]
    with pytest.raises(UsageError, match="this version of licorne does not have this setting yet"):
        load(words, {})


def test_wrong_types_are_told_before(write):
    write("gunicorn.conf.py", "certfile = 3")
    with pytest.raises(ConfigError, match="Not a string: 3"):
        load([], {})
