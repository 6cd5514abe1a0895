"""What those who run a server look at: metrics, readiness, the machine's own troubles, the log."""
