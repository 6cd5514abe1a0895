"""
A client for rpcserver: get flat, and prove it.

`RpcClient` is asynchronous, `SyncRpcClient` is its face for programs that are not. Both
reconnect, resend only what is safe to resend, and follow an operation across connections.
"""

from .backoff import Backoff
from .client import RpcClient
from .errors import (
    CannotConnect,
    ClientError,
    ConnectionLost,
    ConnectionRefused,
    Forbidden,
    OutcomeUnknown,
    ProtocolViolation,
    RpcError,
    Unauthenticated,
)
from .frames import Data, Notice, Progress
from .operation import Operation
from .subscription import Subscription
from .sync import SyncOperation, SyncRpcClient, SyncSubscription

__all__ = [
    "Backoff",
    "CannotConnect",
    "ClientError",
    "ConnectionLost",
    "ConnectionRefused",
    "Data",
    "Forbidden",
    "Notice",
    "Operation",
    "OutcomeUnknown",
    "Progress",
    "ProtocolViolation",
    "RpcClient",
    "RpcError",
    "Subscription",
    "SyncOperation",
    "SyncRpcClient",
    "SyncSubscription",
    "Unauthenticated",
]
