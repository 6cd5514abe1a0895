"""The words of the trade: frozen values, ids and errors. Imports nothing of ours."""
