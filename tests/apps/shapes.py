"""Applications in every shape the command line can name, and some it must refuse."""

not_callable = 5


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"app"]


application = app


def make(word="made", times=1, **more):
    body = (word * times + "".join(more.values())).encode()

    def made(environ, start_response):
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return made


def make_nothing():
    return None


def make_fails():
    raise ValueError("factory failed")


class Holder:
    app = staticmethod(app)


class Callable:
    def __call__(self, environ, start_response):
        return app(environ, start_response)


instance = Callable()
