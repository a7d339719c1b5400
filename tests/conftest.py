"""Fixtures and options all tests share.

`serve(app, *args, **kw)` starts a server for one test, `serve_module` for one file; both check the
log when they stop it.  `from support.server import Server` and `from support.rawhttp import Client`
work because this folder is put on the path here.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from support import server as servers

MARKERS = {
    "licorne_only": "licorne differs from gunicorn here on purpose; the reason is in the test",
    "asan_ci": "part of the fixed selection that CI runs under sanitizers",
    "needs_root": "needs mount or other privileges; skipped without them",
    "slow": "takes long; scaled by LICORNE_TEST_DURATION",
}


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_collection_modifyitems(items):
    if servers.kind_under_test() == "licorne":
        return
    skip = pytest.mark.skip(reason="licorne only: differs from gunicorn on purpose")
    for item in items:
        if item.get_closest_marker("licorne_only"):
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when == "call":
        for s in servers.ACTIVE:
            text = s.log()[-8000:]
            report.sections.append((f"log of {s.kind} {s.pid}", text))
    return report


def _factory(request):
    started = []

    def serve(app="zoo:app", *args, expect_errors=False, start=True, **kw):
        s = servers.Server(app=app, args=args, **kw)
        s.expect_errors = expect_errors
        started.append(s)
        return s.start() if start else s

    def finish():
        errors = []
        for s in reversed(started):
            try:
                if s in servers.ACTIVE:
                    s.stop(s.expect_errors)
                elif s.process:
                    s.check_log(s.expect_errors)
            except AssertionError as e:
                errors.append(e)
            finally:
                s.kill()
                s.cleanup()
        if errors:
            raise errors[0]

    request.addfinalizer(finish)
    return serve


@pytest.fixture
def serve(request):
    return _factory(request)


@pytest.fixture(scope="module")
def serve_module(request):
    return _factory(request)


@pytest.fixture(scope="session")
def under_licorne():
    return servers.kind_under_test() == "licorne"
