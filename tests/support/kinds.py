"""The kinds of worker that a promise to the application is kept by, as options of the command.

What the options of the whole run say about it (LICORNE_OPTIONS) is overridden.
"""

import pytest

SYNC = ("-k", "sync", "--threads", "1")
GTHREAD = ("-k", "gthread", "--threads", "4")
KINDS = {"sync": SYNC, "gthread": GTHREAD, "no-inline": (*SYNC, "--no-inline")}

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
