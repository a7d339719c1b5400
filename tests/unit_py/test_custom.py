"""Settings that people add, by a wrapper or in the configuration file itself."""

import pytest
from licorne.config import cmdline, custom, settings
from licorne.config.loader import load
from licorne.errors import ConfigError, UsageError


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    monkeypatch.setattr(custom, "KNOWN_SETTINGS", [])
    before = dict(settings.BY_NAME)
    yield
    settings.BY_NAME.clear()
    settings.BY_NAME.update(before)


def define(**attributes):
    return type("Ours", (custom.Setting,), {"name": "region", **attributes})


def test_one_defined_early_has_everything(write):
    define(cli=["-Z", "--region"], section="Ours", default="eu", desc="Where\nwe are.")
    assert [known.name for known in custom.KNOWN_SETTINGS] == ["region"]
    assert load([], {})[0].region == "eu"
    assert load(["--region", " us "], {})[0].region == "us"
    assert "-Z REGION, --region REGION" in cmdline.help_text("")
    assert "Where we are. [eu]" in cmdline.help_text("")
    write("gunicorn.conf.py", "region = 3")
    with pytest.raises(ConfigError, match="Not a string: 3"):
        load([], {})


def test_one_defined_in_the_file_is_set_there(write):
    text = (
        "from licorne.config.custom import Setting\n"
        "class Region(Setting):\n"
        "    name = 'region'\n"
        "    default = 'eu'\n"
        "    def validator(value):\n"
        "        return value.upper()\n"
    )
    write("gunicorn.conf.py", text)
    assert load([], {})[0].region == "EU"
    write("gunicorn.conf.py", text + "region = 'us'\n")
    found = load([], {})[0]
    assert found.region == "US" and str(found.origins["region"]).endswith("line 7")
    assert len(custom.KNOWN_SETTINGS) == 1  # read again, as by HUP


@pytest.mark.parametrize(
    "attributes, words, value",
    [
        ({"action": "store_true", "default": False}, ["--region"], True),
        ({"action": "store_const", "const": False, "default": True}, ["--region"], False),
        ({"action": "append", "validator": list}, ["--region", "a", "--region=b"], ["a", "b"]),
        ({"type": int, "validator": int}, ["--region", "3"], 3),
    ],
)
def test_kinds_of_flags(place, attributes, words, value):
    define(cli=["--region"], **attributes)
    assert load(words, {})[0].region == value


def test_a_bad_word_is_a_usage_error(place):
    define(cli=["--region"], type=int)
    with pytest.raises(UsageError, match="argument --region: invalid int value: 'x'"):
        load(["--region", "x"], {})


def test_a_base_class_is_no_setting(place):
    type("Base", (custom.Setting,), {"section": "Ours"})
    assert custom.KNOWN_SETTINGS == []


def test_another_default_for_a_setting_of_ours(place):
    define(name="workers", cli=["-w", "--workers"], default="3", validator=int)
    assert load([], {})[0].workers == 3
    with pytest.raises(ConfigError, match="Value must be positive"):
        load(["--workers=-1"], {})
