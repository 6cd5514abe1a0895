"""Virtual time for the driver's tests: the simulator's own loop."""

from __future__ import annotations

from rpcserver.simulation.loop import Deadlock as Deadlock
from rpcserver.simulation.loop import VirtualTimeLoop as VirtualTimeLoop
from rpcserver.simulation.loop import run as run
