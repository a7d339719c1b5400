"""Turns 'module:name' or 'module:factory("literal", debug=False)' into the application.

AppImportError is for a module that could be imported but does not hold what was asked for; whatever
the module itself raises is passed on. The two end a worker with different exit statuses.
"""

import os
from importlib import import_module

from licorne.errors import AppImportError


def import_app(uri):
    module_name, colon, target = uri.partition(":")
    if not colon:
        target = "application"
    module = _import(module_name, target)
    # The usual case, a plain name, does without the parser.
    app = _attribute(module, target) if target.isidentifier() else _call(module, target)
    if app is None:
        raise AppImportError(f"Failed to find application object: {target!r}")
    if not callable(app):
        raise AppImportError("Application object must be callable.")
    return app


def _import(name, target):
    try:
        return import_module(name)
    except ImportError:
        if name.endswith(".py") and os.path.exists(name):
            raise ImportError(
                f"Failed to find application, did you mean '{name[:-3]}:{target}'?"
            ) from None
        raise


def _attribute(module, name):
    try:
        return getattr(module, name)
    except AttributeError:
        raise AppImportError(f"Failed to find attribute {name!r} in {module.__name__!r}.") from None


def _call(module, target):
    import ast

    not_parsed = f"Failed to parse {target!r} as an attribute name or function call."
    try:
        node = ast.parse(target, mode="eval").body
    except SyntaxError:
        raise AppImportError(not_parsed) from None
    if isinstance(node, ast.Name):
        return _attribute(module, node.id)
    if not isinstance(node, ast.Call):
        raise AppImportError(not_parsed)
    if not isinstance(node.func, ast.Name):
        raise AppImportError(f"Function reference must be a simple name: {target!r}")
    try:
        args = [ast.literal_eval(arg) for arg in node.args]
        keywords = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
    except ValueError:
        raise AppImportError(f"Failed to parse arguments as literal values: {target!r}") from None
    factory = _attribute(module, node.func.id)
    try:
        return factory(*args, **keywords)
    except TypeError as error:
        # With no frame below this one the factory never began: the arguments do not fit it.
        if error.__traceback__.tb_next is None:
            raise AppImportError(f"TypeError: {error}") from None
        raise
