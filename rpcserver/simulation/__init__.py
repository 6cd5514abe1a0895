"""The seeded world that drives the real core and the real driver, and the laws as its checkers."""
