"""What is asked of every server, and what Licorne must reach.

A ratio is CPU time a request against the floor of the same round. Which floor: the like of the
case where the kernel's share differs (new connections, 10 kB, 100 kB), the plain one otherwise, so
that what twenty headers or a framework cost is seen and not divided away.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    wsgi: str
    asgi: str | None
    script: str = "report.lua"
    close: bool = False
    body_len: int = 0
    floor: tuple | None = ()  # flags of this case's own floor run; None: it has none
    ratio_to: str = "hello"  # the case whose floor run is the denominator
    ratio_max: float | None = None  # target: Licorne's ratio
    cheapest: bool = False  # target: not dearer than 1.03 of the cheapest peer

    def request(self, port):
        host = f"Host: 127.0.0.1:{port}\r\n"
        if self.script == "echo.lua":
            body = "0123456789abcdef" * 640
            head = f"POST / HTTP/1.1\r\n{host}Content-Length: {len(body)}\r\n\r\n"
            return (head + body).encode()
        last = "Connection: close\r\n" if self.close else ""
        return f"GET / HTTP/1.1\r\n{host}{last}\r\n".encode()


CHEAPEST_MAX = 1.03

CASES = {
    case.name: case
    for case in (
        Case("hello", "hello, kept alive", "app:hello", "asgi_app:hello", ratio_max=1.25),
        Case(
            "new",
            "hello, a new connection each",
            "app:hello",
            "asgi_app:hello",
            close=True,
            floor=("--close",),
            ratio_to="new",
            ratio_max=1.12,
        ),
        Case(
            "headers",
            "hello, 20 differing browser headers",
            "app:hello",
            "asgi_app:hello",
            script="headers20.lua",
            ratio_max=1.6,
        ),
        Case(
            "echo",
            "10 kB upload echoed",
            "app:echo",
            "asgi_app:echo",
            script="echo.lua",
            body_len=10_240,
            floor=("--request", "10240", "--body", "10240"),
            ratio_to="echo",
            cheapest=True,
        ),
        Case(
            "big",
            "100 kB response",
            "app:big",
            "asgi_app:big",
            body_len=102_400,
            floor=("--body", "102400"),
            ratio_to="big",
            cheapest=True,
        ),
        Case("flask", "Flask JSON", "flask_app:app", None, floor=None, cheapest=True),
        Case(
            "django",
            "Django JSON",
            "django_app:app",
            "django_app:asgi_app",
            floor=None,
            cheapest=True,
        ),
    )
}
