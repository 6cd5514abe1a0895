"""Bytes to frames and back: one Struct a frame, one codec, the error and the close codes. Pure."""
