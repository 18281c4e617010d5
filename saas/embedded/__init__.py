"""Real MongoDB and Valkey servers for development and tests, and the runner behind `make dev`."""
