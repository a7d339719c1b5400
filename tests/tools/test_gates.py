"""Each gate is fed a breach and must refuse it, and must pass what is clean."""

import subprocess
from pathlib import Path

import check_banned
import check_layers
import check_links
import check_size
import check_tests
import csource
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLEAN = "int lc_base_x_get(int a)\n{\n    return a;\n}\n"


@pytest.fixture
def tree(tmp_path):
    """An empty tree with the real layers.toml; call it with (path, text) to add a file."""

    def add(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    add("layers.toml", (ROOT / "layers.toml").read_text())
    tmp_path.joinpath("src").mkdir()
    add.root = tmp_path
    return add


def function(lines, name="long_one"):
    return f"static int {name}(void)\n{{\n" + "    work();\n" * (lines - 3) + "}\n"


# --- layers


def test_layers_accepts_an_include_that_goes_down(tree):
    tree("src/base/arena.h", "")
    tree("src/os/sock.c", '#include "base/arena.h"\n#include <sys/epoll.h>\n')
    assert check_layers.check(tree.root) == []


@pytest.mark.parametrize(
    ("room", "line", "why"),
    [
        ("base", '#include "os/sock.h"', "base may not include os"),
        ("http1", '#include "super/spawn.h"', "http1 may not include super"),
        ("net", '#include "http/uri_int.h"', "net may not include http"),
        ("http", '#include "net/tls_int.h"', "for net only"),
        ("http", '#include "sock.h"', "room/header.h"),
        ("http", '#  include  "base/gone.h"', "no such header"),
        ("engine", "#include <Python.h>", "only for src/pybind/"),
        ("net", "#include <sys/epoll.h>", "only for src/os/"),
    ],
)
def test_layers_refuses(tree, room, line, why):
    for header in ("os/sock.h", "super/spawn.h", "http/uri_int.h", "net/tls_int.h", "http/sock.h"):
        tree(f"src/{header}", "")
    tree(f"src/{room}/x.c", f"{line}\n")
    breaches = check_layers.check(tree.root)
    assert len(breaches) == 1
    assert why in breaches[0]
    assert f"src/{room}/x.c:1" in breaches[0]


def test_layers_refuses_a_room_that_nobody_named(tree):
    tree("src/cellar/x.c", "")
    assert "not in layers.toml" in check_layers.check(tree.root)[0]


def test_layers_refuses_a_cycle():
    assert list(check_layers.cycles({"a": ["b"], "b": ["a"]}))


def test_layers_ignores_an_include_in_a_comment(tree):
    tree("src/base/x.c", '/*\n#include "engine/worker.h"\n*/\n')
    assert check_layers.check(tree.root) == []


# --- size


def test_size_accepts_the_limits_themselves(tree):
    tree("src/base/x.c", function(60) + "\n" * 540)
    assert check_size.check(tree.root) == []


def test_size_refuses_a_long_file(tree):
    tree("src/base/x.c", "\n" * 601)
    assert "lines 601" in check_size.check(tree.root)[0]


def test_size_refuses_a_long_function(tree):
    tree("src/base/x.c", function(61))
    assert check_size.check(tree.root) == ["src/base/x.c:long_one: length 61, at most 60"]


def test_size_counts_a_signature_of_several_lines(tree):
    head = "static int long_one(int a,\n                    int b)\n{\n"
    tree("src/base/x.c", head + "    work();\n" * 57 + "}\n")
    assert "length 61" in check_size.check(tree.root)[0]


def test_size_refuses_a_branchy_function(tree):
    body = "    if (a && b)\n        work();\n" * 8
    tree("src/base/x.c", f"int lc_x(int a, int b)\n{{\n{body}    return a;\n}}\n")
    assert "complexity 17" in check_size.check(tree.root)[0]


def test_size_counts_labels_of_one_branch_once():
    assert csource.complexity("case 1:\ncase 2:\ncase 'a':\n    work();\ncase 3: work();") == 3


def test_size_ignores_branches_in_comments_and_strings(tree):
    body = '    /* if if && || ? */\n    say("if ? && ||");\n' * 20
    tree("src/base/x.c", f"void lc_x(void)\n{{\n{body}}}\n")
    assert check_size.check(tree.root) == []


def test_size_refuses_many_longish_functions(tree):
    text = "".join(function(50, f"f{n}") for n in range(4))
    for number in range(10):
        tree(f"src/base/x{number}.c", text)
    assert "one function of ten has 50 lines" in check_size.check(tree.root)[0]


def test_size_refuses_a_long_python_function(tree):
    tree("tools/x.py", "def f():\n" + "    pass\n" * 60)
    assert "length 61" in check_size.check(tree.root)[0]


def git(root, *words):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(root), *identity, *words], check=True, capture_output=True)


def test_size_exceptions_may_only_shrink(tree):
    tree("src/base/x.c", "\n" * 700)
    tree("tools/size_exceptions.txt", "src/base/x.c lines 700\n")
    git(tree.root, "init", "-q")
    git(tree.root, "add", ".")
    git(tree.root, "commit", "-q", "-m", "first")
    assert check_size.check(tree.root) == []
    tree("src/base/x.c", "\n" * 701)
    assert "at most 700" in check_size.check(tree.root)[0]
    tree("tools/size_exceptions.txt", "src/base/x.c lines 701\n")
    assert "may only shrink" in check_size.check(tree.root)[0]
    git(tree.root, "commit", "-q", "-a", "-m", "second")
    assert "may only shrink" in check_size.check(tree.root)[0]


def test_size_exceptions_that_are_not_needed_must_go(tree):
    tree("src/base/x.c", "\n" * 10)
    tree("tools/size_exceptions.txt", "src/base/x.c lines 700\n")
    assert "no longer needed" in check_size.check(tree.root)[0]


# --- banned


@pytest.mark.parametrize("name", sorted(check_banned.CALLS))
def test_banned_refuses_the_call(tree, name):
    tree("src/base/x.c", f"void lc_x(void)\n{{\n    {name} (a);\n}}\n")
    assert f"{name}()" in check_banned.check(tree.root)[0]


@pytest.mark.parametrize(
    "text",
    [
        "typedef struct lc_x lc_x;",
        "#define M(a) ({ a; })",
        "#ifdef __linux__",
        "#if PY_VERSION_HEX >= 0x030c0000",
        "int n = _PyObject_Private(a);",
        "static int counter;",
        "static int counter = 3;",
        "int counter = 3;",
        "static _Atomic int counter;",
        "static struct lc_x the_one;",
        "static const char *name = 0;",
        "static char buf[16][2];",
        "void lc_x(void)\n{\n    static int calls;\n}",
        "static PyTypeObject type = {0};",
        "static PyObject *module;",
    ],
)
def test_banned_refuses(tree, text):
    tree("src/http/x.c", f"{text}\n")
    assert check_banned.check(tree.root)


@pytest.mark.parametrize(
    "text",
    [
        CLEAN,
        "struct lc_x;",
        "struct lc_x {\n    int a;\n};",
        "enum lc_rc { LC_OK, LC_AGAIN };",
        "typedef int (*lc_x_fn)(void *);",
        "static const int table[] = {1, 2};",
        "static const char *const names[] = {0};",
        "static const struct lc_op ops[2] = {{0}};",
        "static PyMethodDef methods[] = {{0}};",
        "static int prototype(int a);",
        "struct lc_x *lc_x_new(void);",
        "extern int unused_here;",
        "/* sprintf(a) strcpy(b) */",
        'void lc_x(void)\n{\n    say("system(1)");\n    v->select(v);\n    my_rand(2);\n}',
        "void lc_x(void)\n{\n    static const int a = 1;\n    snprintf(b, 1, c);\n}",
    ],
)
def test_banned_accepts(tree, text):
    tree("src/http/x.c", f"{text}\n")
    assert check_banned.check(tree.root) == []


def test_banned_accepts_a_global_that_the_threads_page_names(tree):
    tree("src/os/sig.c", "static int wake_fd;\n")
    tree("docs/THREADS.md", "`wake_fd`: a signal handler has no argument.\n")
    assert check_banned.check(tree.root) == []


# --- tests


def test_tests_refuses_a_source_without_test(tree):
    tree("src/base/x.c", CLEAN)
    assert "no test/test_x.c" in check_tests.check(tree.root)[0]


def test_tests_accepts_a_test_or_a_reason(tree):
    tree("src/base/x.c", CLEAN)
    tree("src/base/test/test_x.c", "")
    tree("src/pybind/y.c", CLEAN)
    tree("tools/untested.txt", "src/pybind/: by the black-box suite\n")
    assert check_tests.check(tree.root) == []


@pytest.mark.parametrize("line", ["src/base/x.c: has one by now", "src/gone.c: gone"])
def test_tests_refuses_a_stale_reason(tree, line):
    tree("src/base/x.c", CLEAN)
    tree("src/base/test/test_x.c", "")
    tree("tools/untested.txt", f"{line}\n")
    assert "remove the line" in check_tests.check(tree.root)[0]


def test_tests_refuses_an_empty_reason(tree):
    tree("src/base/x.c", CLEAN)
    tree("tools/untested.txt", "src/base/x.c:\n")
    assert "says no reason" in check_tests.check(tree.root)[0]


def test_tests_refuses_a_header_that_leans_on_others(tree):
    tree("src/base/x.h", "size_t lc_x(void);\n")
    assert "does not compile alone" in check_tests.check(tree.root)[0]


def test_tests_lets_an_internal_header_lean(tree):
    tree("src/base/x_int.h", "size_t lc_x(void);\n")
    assert check_tests.check(tree.root) == []


# --- links


def test_links_accepts_files_and_headings(tree):
    tree("docs/A.md", "# Why C?\n[b](B.md) [up](../README.md#the-house) [me](#why-c)\n")
    tree("docs/B.md", "`[code](nowhere)` [out](https://example.org/x)\n")
    tree("README.md", "## The house\n")
    assert check_links.check(tree.root) == []


@pytest.mark.parametrize("link", ["gone.md", "A.md#gone", "#gone"])
def test_links_refuses(tree, link):
    tree("docs/A.md", f"# Here\n[x]({link})\n")
    assert len(check_links.check(tree.root)) == 1


# --- the tree itself


def test_code_hash_ignores_comments_and_spaces():
    one = csource.code_only(b"int a; /* why */\n\n  int b; // x\n")
    assert one == csource.code_only(b"int a;\nint b;\n")
    assert one != csource.code_only(b"int a;\nint c;\n")
