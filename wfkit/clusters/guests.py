"""Guests: Dask clients of the user that are connected to our own cluster."""

from __future__ import annotations

from contextlib import suppress

from wfkit.clusters.connect import Connection


def close_guests(connection: Connection) -> None:
    """Close the Dask clients of this process that the user has connected to our own cluster, before it closes.

    Left alone they would look for it, and say so in the terminal.
    """
    from distributed import Client

    for client in list(Client._instances):
        scheduler = client.scheduler
        if client is not connection.client and getattr(scheduler, "address", None) == connection.cluster.address:
            with suppress(Exception):
                client.close(timeout=2)  # type: ignore[no-untyped-call]  # distributed is typed in part
