"""
The independent path: close straight at the venues when the server, its journal or its machine
cannot be trusted.

It shares nothing with the server but the venues' adapters and the vocabulary: no core, no engine,
no journal, no socket. It ends whoever holds the data directory, then goes round after round, each
account by itself: read, cancel what works, close what is left, read again, until two readings in
a row show nothing. Whatever it does is written down before it is done, in a file beside the
journal, which the next server takes into its audit.

The laws it keeps are the same: never more than the position less every order that may still fill
(2), nothing guessed about an order whose answer was lost (7), reduce-only wherever a venue has it,
flat only by two readings that agree after the venue's settle time (18, 40), an end that names what
is left (19, 20).
"""

from rpcserver.panic.diary import Diary as Diary
from rpcserver.panic.diary import Entry as Entry
from rpcserver.panic.run import Pressed as Pressed
from rpcserver.panic.run import Verdict as Verdict
from rpcserver.panic.run import press as press
from rpcserver.panic.takeover import take_over as take_over
