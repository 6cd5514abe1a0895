"""How a server is run for good: under systemd, or in a container. Files, and one health check."""
