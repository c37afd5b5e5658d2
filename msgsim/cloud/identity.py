"""Names that AWS would make up: ids, handles, hashes, ARNs and URLs, the same for the same seed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

ACCOUNT = "123456789012"

EPOCH_S = 1_767_225_600
"""What the clock shows at time zero: 2026-01-01T00:00:00Z."""


class Ids:
    """Identifiers derived from the seed and a running number, never from chance."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0

    def of(self, what: str) -> str:
        """Return the identifier of a thing, in the form of a version 4 UUID."""
        digest = hashlib.sha256(f"{self._seed}/{what}".encode()).hexdigest()
        text = digest[:12] + "4" + digest[13:16] + "89ab"[int(digest[16], 16) % 4] + digest[17:32]
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))

    def uuid(self) -> str:
        """Return the next identifier that belongs to nothing else."""
        self._made += 1
        return self.of(str(self._made))

    def handle(self) -> str:
        """Return the next opaque handle, as long as a receipt handle of SQS roughly is."""
        self._made += 1
        seed = hashlib.sha256(f"{self._seed}/{self._made}".encode()).digest()
        blocks = [hashlib.sha256(seed + bytes([part])).digest() for part in range(8)]
        return "AQEB" + base64.b64encode(b"".join(blocks)).decode()


class Names:
    """ARNs and URLs of one account in one Region, and the short names inside them."""

    def __init__(self, region: str) -> None:
        self.region = region

    def queue_url(self, name: str) -> str:
        """Return the URL of a queue."""
        return f"https://sqs.{self.region}.amazonaws.com/{ACCOUNT}/{name}"

    def queue_arn(self, name: str) -> str:
        """Return the ARN of a queue."""
        return f"arn:aws:sqs:{self.region}:{ACCOUNT}:{name}"

    def function_arn(self, name: str) -> str:
        """Return the ARN of a function."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{name}"

    def mapping_arn(self, uuid: str) -> str:
        """Return the ARN of an event source mapping."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:event-source-mapping:{uuid}"

    def topic_arn(self, name: str) -> str:
        """Return the ARN of a topic."""
        return f"arn:aws:sns:{self.region}:{ACCOUNT}:{name}"

    def stream_arn(self, name: str) -> str:
        """Return the ARN of a Kinesis data stream."""
        return f"arn:aws:kinesis:{self.region}:{ACCOUNT}:stream/{name}"


def moment(ns: int) -> datetime:
    """Return a moment of virtual time as boto3 shows timestamps."""
    return datetime.fromtimestamp(EPOCH_S, UTC) + timedelta(microseconds=ns // 1_000)


def iso_time(ns: int) -> str:
    """Return a moment of virtual time as SNS writes it, e.g. `2026-01-01T00:00:00.000Z`."""
    ms = EPOCH_S * 1_000 + ns // 1_000_000
    moment = datetime.fromtimestamp(ms // 1_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1_000:03d}Z"


def short_name(text: str) -> str:
    """Return the name at the end of a queue's URL, a queue's or topic's ARN, or the name itself."""
    return text.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def md5_hex(text: str) -> str:
    """Return the MD5 of a text, as `MD5OfMessageBody` shows it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return `MD5OfMessageAttributes`: name, type and value of each, by name, with lengths.

    Source: SQS Developer Guide, sqs-message-metadata.html.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        binary = "BinaryValue" in value
        digest.update(_counted(name.encode()))
        digest.update(_counted(value["DataType"].encode()))
        digest.update(b"\x02" if binary else b"\x01")
        digest.update(_counted(as_bytes(value["BinaryValue" if binary else "StringValue"])))
    return digest.hexdigest()


def _counted(octets: bytes) -> bytes:
    return len(octets).to_bytes(4, "big") + octets


def as_bytes(value: str | bytes | bytearray) -> bytes:
    """Return a value's bytes; text in UTF-8."""
    return value.encode() if isinstance(value, str) else bytes(value)


def content_id(body: str) -> str:
    """Return the deduplication id that content-based deduplication takes: SHA-256 of the body."""
    return hashlib.sha256(body.encode()).hexdigest()
