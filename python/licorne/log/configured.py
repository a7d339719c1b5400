"""logconfig, logconfig_dict, logconfig_json: Python's own ways to configure logging.

The dict wins over the JSON file, and that over the INI file. Dict and JSON are laid over
CONFIG_DEFAULTS key by key, so whoever gives `loggers` gives all of them. Imported only when needed.
"""

import json
import logging.config
import os

CONFIG_DEFAULTS = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {
            "level": "INFO",
            "handlers": ["error_console"],
            "propagate": True,
            "qualname": "gunicorn.error",
        },
        "gunicorn.access": {
            "level": "INFO",
            "handlers": ["console"],
            "propagate": True,
            "qualname": "gunicorn.access",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stdout",
        },
        "error_console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stderr",
        },
    },
    "formatters": {
        "generic": {
            "format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s",
            "datefmt": "[%Y-%m-%d %H:%M:%S %z]",
            "class": "logging.Formatter",
        }
    },
}


def apply(cfg):
    """RuntimeError with what is wrong."""
    if cfg.logconfig_dict:
        _apply_dict(cfg.logconfig_dict)
    elif cfg.logconfig_json:
        if os.path.exists(cfg.logconfig_json):  # a missing one is no error, as under Gunicorn
            _apply_dict(_read(cfg.logconfig_json))
    elif cfg.logconfig:
        _apply_file(cfg.logconfig)


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise RuntimeError(f"{path}: {error}") from None


def _apply_dict(given):
    try:
        logging.config.dictConfig({**CONFIG_DEFAULTS, **given})
    except (AttributeError, ImportError, ValueError, TypeError, OSError) as error:
        # What dictConfig says ("Unable to configure handler 'x'") has its cause behind it.
        cause = error.__cause__
        raise RuntimeError(f"{error}: {cause}" if cause else str(error)) from None


def _apply_file(path):
    if not os.path.exists(path):
        raise RuntimeError(f"Error: log config {path!r} not found")
    defaults = {"__file__": path, "here": os.path.dirname(path)}
    try:
        logging.config.fileConfig(path, defaults=defaults, disable_existing_loggers=False)
    except Exception as error:  # configparser's, and whatever a handler's class raises
        at = f", line {error.lineno}" if hasattr(error, "lineno") else ""
        raise RuntimeError(f"{path}{at}: {type(error).__name__}: {error}") from None
