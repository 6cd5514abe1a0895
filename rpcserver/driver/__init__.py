"""Performs the core's commands: journals first, talks to venues, feeds what happened back."""
