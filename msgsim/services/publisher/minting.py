"""Minting: making message n of a workload, the same whatever else happens in the run.

Everything random about a message is drawn by its number within the workload, each quantity from a
substream of its own: variants that change one quantity share all the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgsim.kernel.distributions import Constant
from msgsim.kernel.sampling import Sampler
from msgsim.model.message import AttributeValue, Key, Message, placed
from msgsim.services.publisher.attributes import DrawAttributes
from msgsim.services.publisher.hash_keys import PickHash
from msgsim.services.publisher.keys import PickKey
from msgsim.services.publisher.trace import Row

WORKLOADS = 1 << 20


@dataclass(slots=True)
class Mint:
    """Makes the messages of one workload.

    Attributes:
        workload: its name.
        first_number: what the numbers of its messages start from.
        pick_key: gives the key of message n.
        sizes: gives the size of message n; None when the body decides.
        attributes: gives the attributes of message n.
        body: the text of every message, `{n}` and `{key}` replaced.
        grouped: whether the key goes to standard queues as `MessageGroupId`.
        deduplication: `unique`, `content` or `key`; `none` for a target that takes no ids.
        rows: recorded messages that take precedence, by number.
        constant_size: the size of every message, where it is not drawn.
        sent_once: whether no message is sent again after a target has taken it.
        pick_hash: gives the explicit hash key of message n; None where there are none.
    """

    workload: str
    first_number: int
    pick_key: PickKey
    sizes: Sampler[int] | None
    attributes: DrawAttributes
    body: str | None
    grouped: bool
    deduplication: str
    rows: Sequence[Row]
    keys: dict[str, Key]
    constant_size: int | None = field(init=False)
    sent_once: bool = False
    pick_hash: PickHash | None = None

    def __post_init__(self) -> None:
        sizes = self.sizes
        constant = sizes is not None and isinstance(sizes.distribution, Constant)
        self.constant_size = max(1, sizes.at(0)) if sizes is not None and constant else None

    def make(self, n: int, now: int) -> Message:
        """Return message n, born now, with the next rank of its key."""
        row = self.rows[n] if self.rows else None
        pick_key, attributes_of = self.pick_key, self.attributes
        name = row.key if row is not None and row.key is not None else pick_key(n)
        key = self.keys.get(name)
        if key is None:
            key = self.keys[name] = Key(name, self.workload)
            key.sent_once = self.sent_once
        rank = key.issued
        key.issued = rank + 1
        attributes = attributes_of(n, name, rank)
        body = self.body
        if body is not None:
            body = body.replace("{n}", str(n)).replace("{key}", name)
        size = self.constant_size
        if row is not None:
            attributes = {**attributes, **row.attributes} if row.attributes else attributes
            body = row.body if row.body is not None else body
        made = Message(
            self.first_number + n,
            key,
            rank,
            now,
            self._size(n, row, body, attributes) if row is not None or size is None else size,
            attributes,
            body,
            None if self.deduplication == "none" else self._deduplication_id(n, name),
            self.grouped,
        )
        if self.pick_hash is None:
            return made
        return placed(made, self.pick_hash(n, name))

    def _size(
        self, n: int, row: Row | None, body: str | None, attributes: Mapping[str, AttributeValue]
    ) -> int:
        if row is not None and row.size_bytes is not None:
            return row.size_bytes
        if self.sizes is not None:
            return max(1, self.sizes.at(n))
        return size_of(body or "", attributes)

    def _deduplication_id(self, n: int, key: str) -> str | None:
        if self.deduplication == "unique":
            return f"{self.workload}-{n}"
        return key if self.deduplication == "key" else None


def size_of(body: str, attributes: Mapping[str, AttributeValue]) -> int:
    """Return the bytes AWS counts: the body, and each attribute's name, data type and value.

    Source: SQS Developer Guide, message metadata ("Name, type, value, and the message body …").
    """
    total = len(body.encode())
    for name, value in attributes.items():
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        kind = "Number" if numeric else "String.Array" if isinstance(value, list) else "String"
        total += len(name.encode()) + len(kind) + len(str(value).encode())
    return max(1, total)
