"""Fails at import, as an application with a bug does."""

import no_such_module_anywhere  # noqa: F401
