"""Settings: one table, their validators, and where their values come from."""
