"""Bind addresses in every spelling."""

import socket

import pytest
from licorne.config.address import parse_address

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    "text, expected",
    [
        ("127.0.0.1:80", ("tcp", "127.0.0.1", 80, V4)),
        ("foo", ("tcp", "foo", 8000, V4)),
        ("FOO:1", ("tcp", "foo", 1, V4)),
        (":9", ("tcp", "", 9, V4)),
        ("", ("tcp", "0.0.0.0", 8000, V4)),
        ("tcp://H:8", ("tcp", "h", 8, V4)),
        ("[::1]:8001", ("tcp", "::1", 8001, V6)),
        ("[::1]", ("tcp", "::1", 8000, V6)),
        ("127.0.0.1:0", ("tcp", "127.0.0.1", 0, V4)),
        ("unix:/a/b", ("unix", "/a/b")),
        ("unix:///a/b", ("unix", "/a/b")),
        ("unix:a", ("unix", "a")),
        ("unix:\0name", ("unix", "\0name")),
        ("fd://3", ("fd", 3)),
    ],
)
def test_accepts(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text, message",
    [
        ("foo:xx", "'xx' is not a valid port number."),
        ("localhost:", "'' is not a valid port number."),
        ("h:-1", "'-1' is not a valid port number."),
        ("h:65536", "'65536' is not a valid port number."),
        ("h:\u0663", "is not a valid port number."),
        ("http://x:3", "not a valid"),
        ("::1", "write IPv6 as [::1]:PORT"),
        ("[::1", "is not a valid address"),
        ("[::1]x", "is not a valid address"),
        ("fd://x", "'x' is not a valid file descriptor."),
        ("unix:", "names no path"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(ValueError) as caught:
        parse_address(text)
    assert message in str(caught.value)
