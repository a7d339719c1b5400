"""The control socket: where it is, what only Python can tell through it, and who asks."""
