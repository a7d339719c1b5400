"""Finding the application."""
