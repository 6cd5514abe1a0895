"""
The paper venue: a simulated exchange that is a real venue, the embedded default.

`contracts` is what it lists, `exchange` its pure heart, `faults` what can go wrong on the way to
it, `venue` the shell that makes it a `Venue` of this process, `process` and `remote` the two ends
of one that lives in a process of its own, `portfolio` the scenes to start from.
"""

from rpcserver.venues.paper.opening import open_paper_venue as open_paper_venue
from rpcserver.venues.paper.process import serve as serve
from rpcserver.venues.paper.remote import RemotePaperVenue as RemotePaperVenue
from rpcserver.venues.paper.remote import open_remote_paper_venue as open_remote_paper_venue
from rpcserver.venues.paper.settings import PaperSettings as PaperSettings
from rpcserver.venues.paper.venue import Control as Control
from rpcserver.venues.paper.venue import PaperVenue as PaperVenue
