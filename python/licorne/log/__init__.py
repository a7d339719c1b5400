"""The two logs in Python. `licorne.glogging` has the names that the rest of the world uses."""
