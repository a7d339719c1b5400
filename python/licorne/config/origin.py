"""Where in a configuration file a setting got its value."""


class FileOrigin:
    """Names file and line of a global, looking for the line only when somebody asks."""

    __slots__ = ("path", "name")

    def __init__(self, path, name):
        self.path = path
        self.name = name

    def __str__(self):
        line = line_of(self.path, self.name)
        return f"{self.path}, line {line}" if line else str(self.path)


def line_of(path, name):
    """The last line of a file that gives a global this name, or None."""
    import ast

    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
    lines = [node.lineno for node in _outside_of_functions(tree, ast) if _gives(node, name, ast)]
    return max(lines, default=None)


def _outside_of_functions(tree, ast):
    """All nodes but those of a scope below, whose names are no globals."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def _gives(node, name, ast):
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Store) and node.id == name
    if isinstance(node, ast.alias):
        return (node.asname or node.name) == name
    return getattr(node, "name", None) == name
