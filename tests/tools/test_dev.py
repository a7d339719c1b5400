"""What ./dev records and judges: fuzz runs, sanitizer reports, verify's lines, a bare machine."""

import os
import subprocess
import sys
from pathlib import Path

import devkit
import fuzzing
import pytest
import sanitize
import verify

ROOT = Path(__file__).resolve().parents[2]
OUR_LEAK = """==1==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 77 byte(s) in 1 object(s) allocated from:
    #0 0x7fa6d84b89cf in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
    #1 0x7fa6d8aca2ac in leak ../../src/pybind/module.c:9
    #2 0x51f62a  (/usr/bin/python3.11+0x51f62a)

SUMMARY: AddressSanitizer: 77 byte(s) leaked in 1 allocation(s).
"""
NAMELESS_LEAK = """==1==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 96 byte(s) in 3 object(s) allocated from:
    #0 0x7ff7fc2b89cf in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
    #1 0x585ace  (/usr/bin/python3.11+0x585ace)

SUMMARY: AddressSanitizer: 96 byte(s) leaked in 3 allocation(s).
"""
NAMED_LEAK = NAMELESS_LEAK.replace("0x585ace  (", "0x585ace in PyDict_Copy (")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Locks and logs go to a folder of the test's own."""
    for module in (devkit, fuzzing, verify):
        monkeypatch.setattr(module, "BUILD", tmp_path)
    monkeypatch.setattr(fuzzing, "RUNS", tmp_path / "RUNS")
    monkeypatch.setattr(verify, "LOGS", tmp_path)
    monkeypatch.setattr(verify, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("build")
def test_fuzz_record_adds_up_for_the_same_code():
    fuzzing.record("fuzz_uri", "aa", 1.5, "clean")
    fuzzing.record("fuzz_uri", "aa", 2.0, "clean")
    assert fuzzing.read_runs()["fuzz_uri"][:3] == ["aa", 3.5, "clean"]


@pytest.mark.usefixtures("build")
def test_fuzz_record_starts_again_when_the_code_changed():
    fuzzing.record("fuzz_uri", "aa", 60.0, "clean")
    fuzzing.record("fuzz_uri", "bb", 1.0, "clean")
    assert fuzzing.read_runs()["fuzz_uri"][:2] == ["bb", 1.0]


@pytest.mark.usefixtures("build")
def test_fuzz_finding_stays_open_until_the_code_changes():
    fuzzing.record("fuzz_uri", "aa", 1.0, "crash-1")
    fuzzing.record("fuzz_uri", "aa", 60.0, "clean")
    assert fuzzing.read_runs()["fuzz_uri"][2] == "crash-1"
    fuzzing.record("fuzz_uri", "bb", 1.0, "clean")
    assert fuzzing.read_runs()["fuzz_uri"][2] == "clean"


@pytest.mark.usefixtures("build")
@pytest.mark.parametrize(
    ("digest", "minutes", "result"),
    [("aa", 59.0, "clean"), ("bb", 90.0, "clean"), ("aa", 90.0, "crash-1")],
)
def test_fuzz_check_refuses(monkeypatch, digest, minutes, result):
    monkeypatch.setattr(fuzzing, "targets", lambda: {"fuzz_uri": {}})
    monkeypatch.setattr(fuzzing, "code_hash", lambda name, table: "aa")
    fuzzing.record("fuzz_uri", digest, minutes, result)
    with pytest.raises(devkit.Failed):
        fuzzing.check(["fuzz_uri"], 60)


@pytest.mark.usefixtures("build")
def test_fuzz_check_accepts(monkeypatch):
    monkeypatch.setattr(fuzzing, "targets", lambda: {"fuzz_uri": {}})
    monkeypatch.setattr(fuzzing, "code_hash", lambda name, table: "aa")
    fuzzing.record("fuzz_uri", "aa", 60.0, "clean")
    fuzzing.check(["fuzz_uri"], 60)


def test_sanitizer_findings_that_count():
    assert sanitize.findings(OUR_LEAK)
    assert sanitize.findings(NAMED_LEAK)
    assert sanitize.findings("ERROR: AddressSanitizer: heap-buffer-overflow")


def test_a_nameless_leak_of_the_interpreter_does_not_count():
    assert sanitize.findings(NAMELESS_LEAK) == []


@pytest.mark.usefixtures("build")
def test_verify_prints_the_figure_and_passes(capsys):
    words = [sys.executable, "-c", "print('noise'); print('1.19 x the floor')"]
    assert verify.run_check(1, "3: hello", words, {}, 30)
    assert capsys.readouterr().out.startswith("PASS  3: hello: 1.19 x the floor")


@pytest.mark.usefixtures("build")
def test_verify_fails_on_status_and_on_time(capsys):
    assert not verify.run_check(1, "3: x", [sys.executable, "-c", "raise SystemExit(3)"], {}, 30)
    assert not verify.run_check(2, "3: y", [sys.executable, "-c", "input()"], {}, 0.01)
    assert capsys.readouterr().out.count("FAIL") == 2


def dev(*words, **env):
    """./dev in an environment that holds no more than it must."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LICORNE_NO_APT": "1", **env}
    done = subprocess.run([ROOT / "dev", *words], env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_dev_names_an_unknown_verb():
    code, text = dev("dance")
    assert code == 1
    assert "unknown verb 'dance'" in text


def test_dev_lists_its_verbs():
    code, text = dev()
    assert code == 0
    assert "./dev verify" in text


def test_dev_refuses_an_old_python(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    code, text = dev("build", LICORNE_PYTHON=str(old), LICORNE_VENV=str(tmp_path / "venv"))
    assert code == 1
    assert "3.10 or later" in text


def test_dev_names_a_missing_compiler(tmp_path):
    code, text = dev("build", CC="no-such-cc", LICORNE_VENV=str(tmp_path / "venv"))
    assert code == 1
    assert "no-such-cc" in text
