"""`python -m rpcserver`."""

from rpcserver.cli.main import run

if __name__ == "__main__":
    run()
