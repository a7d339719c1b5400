"""More workers than the CPUs can carry: one hint at the start, and the server serves."""

import pytest

pytestmark = pytest.mark.licorne_only  # Gunicorn says nothing

ONE_CPU = "import os\nos.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"


@pytest.mark.parametrize("workers, hints", [(5, 0), (6, 1)])
def test_one_hint(serve, workers, hints):
    s = serve(workers=workers, conf=ONE_CPU)
    s.stop()
    assert s.log().count(f"[WARNING] {workers} workers are more than 1 CPU can carry") == hints
