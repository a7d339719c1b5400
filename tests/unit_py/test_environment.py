"""Variables of one configuration at a time."""

import pytest
from licorne.environment import Environment, variables
from licorne.errors import ConfigError


def test_values_may_hold_anything():
    assert variables(["A=1", "B=", "C=a=b", " D= x"]) == {"A": "1", "B": "", "C": "a=b", " D": " x"}
    with pytest.raises(ConfigError, match="environment setting 'A' invalid"):
        variables(["B=1", "A"])


def test_those_of_another_configuration_leave_first(monkeypatch):
    environ = {"A": "before", "B": "before"}
    monkeypatch.setattr("os.environ", environ)
    environment = Environment()
    environment.enter(["A=1", "C=1"])
    assert environ == {"A": "1", "B": "before", "C": "1"}
    environment.enter(["B=2"])
    assert environ == {"A": "before", "B": "2"}
    environment.leave()
    environment.leave()
    assert environ == {"A": "before", "B": "before"}


def test_one_that_is_invalid_changes_nothing(monkeypatch):
    environ = {}
    monkeypatch.setattr("os.environ", environ)
    environment = Environment()
    environment.enter(["A=1"])
    with pytest.raises(ConfigError):
        environment.enter(["B"])
    assert environ == {"A": "1"}
