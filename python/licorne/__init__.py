"""Licorne serves Python web applications from an engine written in C.

The package is thin on purpose: configuration, command line, and what runs in each process around
the C engine. Every worker maps whatever is imported here, so the start path imports little.
"""

__version__ = "0.1.0"

# Applications look at how this begins (`"gunicorn" in ...`), hence the name in front.
SERVER_SOFTWARE = "gunicorn/27.0.1 licorne/" + __version__

# The value of the `Server` response header.
SERVER = "licorne"
