"""rpcserver: get flat, and prove it. A WebSocket RPC server that closes trading positions."""
