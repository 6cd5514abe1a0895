"""The durable record of everything: SQLite on disk, or memory in tests and simulation."""
