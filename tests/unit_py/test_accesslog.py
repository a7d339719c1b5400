"""Access log formats: which are refused before anything starts, and what is said of them."""

import pytest
from licorne.config import accesslog, types


@pytest.mark.parametrize(
    "text",
    [
        accesslog.FORMAT,
        "",
        "plain",
        "%%",
        "100%% %(h)s",
        "%({X-Y}i)s %({a.b}e)-12.3s",
        "%(T)05d %(B)i %(D)u %(M)r",
        "%(unknown)s %()s",
        "%(unknown)d %(mine).3f %(T)6.1g",
    ],
)
def test_formats_that_make_a_line(text):
    assert types.ACCESS_FORMAT.check(text) == text.strip()


@pytest.mark.parametrize(
    "text, said",
    [
        ("%", "Cannot be formatted, from '%' on"),
        ("a %s", "from '%s' on"),
        ("%(h)", "from '%(h)' on"),
        ("%(h)s %(a", "from '%(a' on"),
        ("%(h)1000s", "from '%(h)1000s' on"),
        ("%(T)x", "from '%(T)x' on"),
        ("%(s)d", "Not a number: '%(s)d'"),
        ("%({x}i)d", "Not a number: '%({x}i)d'"),
        ("%(h).2f", "Not a number: '%(h).2f'"),
        ("x" * 2049, "Longer than 2048 bytes"),
        ("%(h)s" * 41, "More than 40 atoms: 41"),
    ],
)
def test_formats_that_make_none(text, said):
    with pytest.raises(ValueError) as caught:
        types.ACCESS_FORMAT.check(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text, piece",
    [("%(D)d %%(x)d %(x)s", None), ("%(x)d", "%(x)d"), ("%(h)s %(T).3f", "%(T).3f")],
)
def test_what_only_a_logger_class_can_format(text, piece):
    assert accesslog.only_python(text) == piece


def test_none_is_the_default():
    assert types.ACCESS_FORMAT.check(None) == accesslog.FORMAT


def test_names_that_the_engine_has_no_value_for():
    text = "%({REMOTE_ADDR}e)s %({remote_port}E)s %({HTTP_X}e)s %%({no}e)s %({wsgi.input}e)s"
    assert accesslog.unknown_environ(text + " %({my}e)s %({my}e)9s %({my}i)s") == [
        "wsgi.input",
        "my",
    ]
