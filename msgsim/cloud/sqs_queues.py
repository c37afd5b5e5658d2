"""SQS operations on queues: create, delete, list, attributes, purge, message move tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.paging import page
from msgsim.cloud.sqs_attributes import (
    FIFO_DEFAULTS,
    NUMBERS,
    apply_numbers,
    apply_policies,
    check_attributes,
    check_throughput,
    shown,
    specified,
)
from msgsim.cloud.sqs_shapes import PREFIX
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services.sqs_queue import rules

Parameters = Mapping[str, Any]

DELETED_RECENTLY_NS = 60 * NS_PER_S  # SQS API DeleteQueue
MOST_LISTED = 1_000


class QueueOperations:
    """What can be done to queues as such."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._deleted_ns: dict[str, int] = {}

    def create_queue(self, p: Parameters) -> dict[str, Any]:
        """Create a queue, or return the URL of one with the same name and attributes."""
        account, name = self._account, p["QueueName"]
        given = dict(p.get("Attributes", {}))
        fifo = given.get("FifoQueue") == "true"
        if rules.queue_name_error(name, fifo) is not None:
            raise Refused(
                rules.INVALID_VALUE,
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
                "underscores, must end with .fifo suffix and be 1 to 80 in length."
                if fifo
                else "Can only include alphanumeric characters, hyphens, or underscores. "
                "1 to 80 in length",
            )
        check_attributes(given, fifo)
        if name in account.queues:
            return {"QueueUrl": _same(account.queues[name], given).url}
        deleted = self._deleted_ns.get(name)
        if deleted is not None and account.sim.now < deleted + DELETED_RECENTLY_NS:
            raise Refused(
                f"{PREFIX}QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another "
                "with the same name.",
            )
        return {"QueueUrl": self._create(name, given, fifo).url}

    def _create(self, name: str, given: dict[str, str], fifo: bool) -> QueueEntry:
        account = self._account
        attributes = {**NUMBERS, "SqsManagedSseEnabled": "true"}
        if fifo:
            attributes.update(FIFO_DEFAULTS)
        attributes.update(given)
        check_throughput(attributes)
        component, _ = account.build("sqs.queue", name, specified(attributes))
        entry = QueueEntry(
            name,
            account.place.queue_url(name),
            account.place.queue_arn(name),
            component,
            {key: value for key, value in attributes.items() if value},
            account.now_s,
            account.now_s,
            attributes.get("DeduplicationScope") == "messageGroup",
        )
        if account.in_flight_quota is not None:
            entry.queue.state.in_flight_limit = account.in_flight_quota
        apply_numbers(entry, attributes)
        apply_policies(account, entry, given)
        account.observe(component, entry)
        account.queues[name] = entry
        return entry

    def delete_queue(self, p: Parameters) -> None:
        """Delete a queue and what it holds, at once; its name is free again after 60 s."""
        entry = self._account.queue(p["QueueUrl"])
        del self._account.queues[entry.name]
        self._deleted_ns[entry.name] = self._account.sim.now
        entry.queue.set_redrive(None, None)
        entry.queue.exists = False

    def list_queues(self, p: Parameters) -> dict[str, Any]:
        """Return the URLs of the queues, by name."""
        prefix = p.get("QueueNamePrefix", "")
        queues = self._account.queues
        urls = [queues[name].url for name in sorted(queues) if name.startswith(prefix)]
        return page("QueueUrls", urls, p, MOST_LISTED) if urls else {}

    def get_queue_url(self, p: Parameters) -> dict[str, Any]:
        """Return the URL of a queue by its name."""
        return {"QueueUrl": self._account.queue(p["QueueName"]).url}

    def get_queue_attributes(self, p: Parameters) -> dict[str, Any]:
        """Return attributes by name; none without names."""
        entry = self._account.queue(p["QueueUrl"])
        found = shown(entry, list(p.get("AttributeNames", ())))
        return {"Attributes": found} if found else {}

    def set_queue_attributes(self, p: Parameters) -> None:
        """Change attributes; they take effect at once."""
        entry = self._account.queue(p["QueueUrl"])
        given = dict(p["Attributes"])
        check_attributes(given, entry.fifo)
        if "FifoQueue" in given and given["FifoQueue"] != entry.attributes["FifoQueue"]:
            raise Refused(
                rules.INVALID_ATTRIBUTE_VALUE, "Invalid value for the parameter FifoQueue."
            )
        check_throughput({**entry.attributes, **given})
        apply_policies(self._account, entry, given)
        apply_numbers(entry, given)
        entry.attributes.update(given)
        for name in [name for name, value in entry.attributes.items() if not value]:
            del entry.attributes[name]
        entry.modified_s = self._account.now_s

    def list_dead_letter_source_queues(self, p: Parameters) -> dict[str, Any]:
        """Return the URLs of the queues whose dead-letter queue this one is."""
        entry = self._account.queue(p["QueueUrl"])
        sources = entry.queue.sources
        urls = [other.url for other in self._account.queues.values() if other.queue in sources]
        return page("queueUrls", sorted(urls), p, MOST_LISTED)

    def purge_queue(self, p: Parameters) -> None:
        """Remove every message, at once."""
        entry = self._account.queue(p["QueueUrl"])
        code = entry.queue.purge()
        if code is not None:
            raise Refused(
                code,
                f"Only one PurgeQueue operation on {entry.name} is allowed every 60 seconds.",
            )
        entry.accepted.clear()


def _same(entry: QueueEntry, given: Mapping[str, str]) -> QueueEntry:
    for name, value in given.items():
        if entry.attributes.get(name, "") != value:
            raise Refused(
                "QueueAlreadyExists",
                "A queue already exists with the same name and a different value for attribute "
                f"{name}",
            )
    return entry
