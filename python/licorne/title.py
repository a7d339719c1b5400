"""What ps shows: `licorne: master [app:app]`, with the name the command was called by."""


def set_title(name, role, proc_name):
    """Cut where the command line that started the server was shorter. The short name that killall
    and pgrep look for stays."""
    from licorne._engine import _set_title

    _set_title(f"{name}: {role} [{proc_name}]")
