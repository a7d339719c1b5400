"""Finding the application, and saying what is wrong with how it is named."""

import sys

import pytest
from licorne.app.loader import import_app
from licorne.errors import AppImportError

MODULE = """
def application(environ, start_response): pass
app = application
number = 3
def factory(x, y=1): return lambda *a: (x, y)
def nothing(): return None
def raises(): raise TypeError("inside")
"""


@pytest.fixture
def module(write, place):
    sys.path.insert(0, str(place))
    write("module_under_test.py", MODULE)
    yield "module_under_test"
    sys.modules.pop("module_under_test", None)


@pytest.mark.parametrize("target", ["", ":application", ":app"])
def test_finds_a_name(module, target):
    assert import_app(module + target).__name__ == "application"


@pytest.mark.parametrize(
    "call, result",
    [("factory('a')", ("a", 1)), ("factory([1], y={'k': None})", ([1], {"k": None}))],
)
def test_calls_a_factory_with_literals(module, call, result):
    assert import_app(f"{module}:{call}")() == result


@pytest.mark.parametrize(
    "target, message",
    [
        ("nope", "Failed to find attribute 'nope' in 'module_under_test'."),
        ("nope()", "Failed to find attribute 'nope' in 'module_under_test'."),
        ("number", "Application object must be callable."),
        ("number()", "TypeError: 'int' object is not callable"),
        ("a.b", "Failed to parse 'a.b' as an attribute name or function call."),
        ("1+1", "Failed to parse '1+1' as an attribute name or function call."),
        ("", "Failed to parse '' as an attribute name or function call."),
        ("factory(1", "Failed to parse 'factory(1' as an attribute name or function call."),
        ("a.b()", "Function reference must be a simple name: 'a.b()'"),
        ("factory(x)", "Failed to parse arguments as literal values: 'factory(x)'"),
        ("factory()", "TypeError: factory() missing 1 required positional argument: 'x'"),
        ("nothing()", "Failed to find application object: 'nothing()'"),
    ],
)
def test_refuses_what_is_not_there(module, target, message):
    with pytest.raises(AppImportError) as caught:
        import_app(f"{module}:{target}")
    assert str(caught.value) == message


def test_errors_of_the_module_are_its_own(module, write):
    with pytest.raises(ModuleNotFoundError):
        import_app("no_such_module_here:app")
    with pytest.raises(TypeError, match="inside"):
        import_app(f"{module}:raises()")


def test_path_instead_of_module_gets_a_hint(module):
    with pytest.raises(ImportError, match="did you mean 'module_under_test:app'"):
        import_app("module_under_test.py:app")
