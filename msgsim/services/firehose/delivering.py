"""How batches reach each kind of destination: straight, by way of S3 and COPY, or with a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from msgsim.services.firehose.buffer import Batch, Record
from msgsim.services.firehose.sending import Sender

Free = Callable[[], Any]
GiveUp = Callable[[Iterable[Record], str], Any]


class Delivery(Protocol):
    """A way to the destination."""

    def deliver(self, batch: Batch, free: Free) -> None:
        """Bring a batch there; `free()` when the buffer may send its next one."""


class ToBucket:
    """S3: tried until it succeeds or the records cannot be held any longer.

    Source: Firehose Developer Guide, basic-deliver.html (retries up to 24 hours).
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def deliver(self, batch: Batch, free: Free) -> None:
        """Put an object."""
        self._sender.send(batch, lambda batch, code: free())


class WithBackup:
    """OpenSearch, Splunk, HTTP endpoints: tried for the retry duration, then put into S3's backup.

    Args:
        sender: to the destination.
        give_up: takes records that could not be delivered, with the reason.
        reason: the prefix of the backup.
    """

    def __init__(self, sender: Sender, give_up: GiveUp, reason: str) -> None:
        self._sender = sender
        self._give_up = give_up
        self._reason = reason
        sender.aside = partial(self._sent, _nobody_waits)

    def deliver(self, batch: Batch, free: Free) -> None:
        """Send a bulk request."""
        self._sender.send(batch, partial(self._sent, free))

    def _sent(self, free: Free, batch: Batch, code: str | None) -> None:
        if code is not None:
            self._give_up(batch.records, self._reason)
        free()


def _nobody_waits() -> None:
    """Free no buffer: what was rejected is tried again beside the next batches."""


class ByCopy:
    """Redshift: an object in S3 first, then a COPY of everything that waits there.

    One COPY runs at a time: the next one starts when it has ended. What cannot be loaded within the
    retry duration stays in S3, and a manifest under `errors/` names it.
    Source: Firehose Developer Guide, basic-deliver.html; API RedshiftRetryOptions.

    Args:
        stage: to the intermediate bucket.
        copy: to the cluster.
        manifest: notes what S3 has and the cluster does not.
    """

    def __init__(self, stage: Sender, copy: Sender, manifest: GiveUp) -> None:
        self._stage = stage
        self._copy = copy
        self._manifest = manifest
        self._staged: list[Record] = []
        self._loading = False

    def deliver(self, batch: Batch, free: Free) -> None:
        """Put an object into the intermediate bucket; loading it holds no buffer up."""
        self._stage.send(batch, partial(self._in_bucket, free))

    def _in_bucket(self, free: Free, batch: Batch, code: str | None) -> None:
        self._staged.extend(batch.records)
        self._load()
        free()

    def _load(self) -> None:
        if self._loading or not self._staged:
            return
        self._loading = True
        batch, self._staged = Batch(self._staged), []
        self._copy.send(batch, self._loaded)

    def _loaded(self, batch: Batch, code: str | None) -> None:
        if code is not None:
            self._manifest(batch.records, "errors")
        self._loading = False
        self._load()
