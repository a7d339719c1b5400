"""The parts of the bench: where things are, who serves, who asks, what is told."""
