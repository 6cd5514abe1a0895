"""Sockets in, answers out: the listener, its connections, and what they may use up."""
