"""What is generated and kept in the tree is what its source says."""

import gen_bounds
import gen_docs
import pytest

ROW = 'X(U32, "a", m.a, 1, 2)\nX(BOOL, "b", b, 0, 1)\nNUMBER("c", 0, 9, N + 1)\nLIST("d", 4, M)\n'


def test_the_tree_is_fresh():
    assert gen_bounds.main(["--check"]) == 0
    assert gen_docs.main(["--check"]) == 0


def test_bounds_are_read_from_every_kind_of_row():
    names = {}
    exec(gen_bounds.module(ROW), names)
    assert names["NUMBERS"] == {"a": (1, 2), "c": (0, 9)} and names["LENGTHS"] == {"d": 4}


@pytest.mark.parametrize(
    "row", ['X(U16, "e", m.e, 1, 2)\n', 'X(BOOL, "e", e)\n', 'LIST("e", N, N)\n']
)
def test_a_row_that_nobody_understands_is_refused(row):
    with pytest.raises(SystemExit, match="5 rows, 4 of them understood"):
        gen_bounds.module(ROW + row)
