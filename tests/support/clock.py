"""Deadlines and polling for tests.

A test waits for a condition and gives up at a deadline; it never sleeps for a guessed time.  All
deadlines go through `deadline()`, so that slow builds (sanitizers, busy machines) stretch them in
one place: LICORNE_TIME_FACTOR multiplies them, and LICORNE_SANITIZE=1 alone means a factor of 4.
Long tests ask `duration()` how much work to do: LICORNE_TEST_DURATION is 1 in a quick run.
"""

import os
import time


def time_factor():
    default = "4" if os.environ.get("LICORNE_SANITIZE") == "1" else "1"
    return float(os.environ.get("LICORNE_TIME_FACTOR") or default)


def deadline(seconds):
    """How many seconds a wait that should take well under `seconds` may really take."""
    return seconds * time_factor()


def duration(amount):
    """Scales the work (rounds, requests, seconds) of a long test."""
    return max(1, int(amount * float(os.environ.get("LICORNE_TEST_DURATION") or "1")))


def wait_until(condition, seconds=10.0, what="condition", interval=0.01):
    """Polls `condition()` until true, returns its value; AssertionError at the deadline."""
    end = time.monotonic() + deadline(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} not met within {deadline(seconds):.1f} s")
        time.sleep(interval)
