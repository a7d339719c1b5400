"""The same applications for servers that speak ASGI alone."""

from app import BIG, HELLO

TEXT = (b"content-type", b"text/plain")


async def answer(send, kind, body):
    headers = [kind, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def hello(scope, receive, send):
    await answer(send, TEXT, HELLO)


async def echo(scope, receive, send):
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    await answer(send, (b"content-type", b"application/octet-stream"), b"".join(parts))


async def big(scope, receive, send):
    await answer(send, TEXT, BIG)
