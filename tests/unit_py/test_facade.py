"""What other people's code asks of a configuration."""

import ipaddress
import os

import pytest
from licorne.config.loader import load


@pytest.fixture
def cfg(place):
    return load([], {"SENDFILE": "no"})[0]


def test_settings_are_objects(cfg):
    backlog = cfg.settings["backlog"]
    assert (backlog.name, backlog.value, backlog.get(), backlog.default) == (
        "backlog",
        2048,
        2048,
        2048,
    )
    assert backlog.cli == ["--backlog"] and backlog.section == "Server Socket" and backlog.desc
    assert cfg.settings["wsgi_app"].cli is None
    backlog.set("7")
    assert cfg.backlog == backlog.value == 7
    assert {"certfile", "max_requests", "post_fork", "health_path"} <= set(cfg.settings)


def test_set_raises_what_the_validator_raises(cfg):
    cfg.set("workers", "3")
    assert cfg.workers == 3
    with pytest.raises(ValueError, match="Value must be positive: -1"):
        cfg.set("workers", -1)
    with pytest.raises(AttributeError, match="No configuration setting for: nope"):
        cfg.set("nope", 1)
    with pytest.raises(ValueError, match="does not have the setting 'certfile' yet"):
        cfg.set("certfile", "x")


def test_settings_are_not_assigned_to(cfg):
    with pytest.raises(AttributeError, match="Invalid access!"):
        cfg.workers = 3
    cfg.something_of_my_own = 3
    assert cfg.something_of_my_own == 3


def test_addresses(cfg):
    assert cfg.address == [("127.0.0.1", 8000)]
    cfg.set("bind", ["unix:/a", "fd://3", "[::1]:9"])
    assert cfg.address == ["/a", 3, ("::1", 9)]


def test_names_of_workers_and_processes(cfg):
    assert cfg.worker_class_str == "sync" and isinstance(cfg.worker_class, type)
    cfg.set("threads", 2)
    assert cfg.worker_class_str == "gthread"
    assert cfg.proc_name == "gunicorn"


def test_users_default_to_the_process(cfg):
    assert (cfg.uid, cfg.gid) == (os.geteuid(), os.getegid())


def test_tls_is_off(cfg):
    assert not cfg.is_ssl
    assert cfg.ssl_options["certfile"] is None and "ciphers" in cfg.ssl_options


def test_environment(cfg):
    assert cfg.env == {} and cfg.env_orig == {"SENDFILE": "no"}
    assert cfg.paste_global_conf == {}
    cfg.values["raw_env"] = ["A=1", "B=a=b"]
    assert cfg.env == {"A": "1", "B": "a=b"}
    cfg.values["raw_env"] = ["A"]
    with pytest.raises(RuntimeError, match="environment setting 'A' invalid"):
        cfg.env  # noqa: B018
    cfg.values["raw_paste_global_conf"] = [r"A\=B=c\=d=e"]
    assert cfg.paste_global_conf == {"A=B": "c=d=e"}


def test_sendfile_is_the_effective_one(cfg):
    assert cfg.sendfile is False
    cfg.set("sendfile", True)
    assert cfg.sendfile is True


def test_networks(cfg):
    assert cfg.forwarded_allow_networks() == [
        ipaddress.ip_network("127.0.0.1"),
        ipaddress.ip_network("::1"),
    ]
    cfg.set("forwarded_allow_ips", "*")
    assert cfg.forwarded_allow_networks() == []
    assert len(cfg.proxy_allow_networks()) == 2


def test_hooks_are_none_until_set(cfg):
    assert cfg.hook("worker_abort") is None
    assert cfg.worker_abort("worker") is None  # for those who call without asking
    cfg.set("worker_abort", os.path.basename)
    assert cfg.hook("worker_abort") is os.path.basename


def test_text_lists_every_setting(cfg):
    lines = str(cfg).splitlines()
    assert len(lines) == len(cfg.values) and lines == sorted(lines)
    assert "workers" + " " * 28 + "= 1" in lines
    cfg.set("worker_abort", os.path.basename)
    assert "= <basename()>" in str(cfg)
