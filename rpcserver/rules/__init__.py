"""Rules that act by themselves: pure evaluation, one module each, and a shell that acts on it."""
