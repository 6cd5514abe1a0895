"""
The heart: events in, decisions out. Pure: no await, no clock, no randomness, no log, no I/O.

Read in this order: `leg.py` (the laws, and what a leg does next), `operation.py`, `machine.py`
(the interface), `records.py`, `state.py`.
"""
