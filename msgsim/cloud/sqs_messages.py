"""SQS operations on messages: send, receive, delete, change visibility, single and in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.calls import Call, waits
from msgsim.cloud.errors import Exceptions, Refused
from msgsim.cloud.identity import md5_hex, md5_of_attributes
from msgsim.cloud.letters import Letter
from msgsim.cloud.received import received, sequence_number
from msgsim.cloud.sqs_rules import (
    attribute_bytes,
    check_batch,
    check_groups,
    check_message,
    deduplication_id,
    refuse,
)
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.message import Delivery
from msgsim.services.sqs_queue import rules
from msgsim.services.sqs_queue.stored import GONE as NO_LONGER_STORED

Parameters = Mapping[str, Any]

OF_THE_CALL = {"RequestThrottled", "ServiceUnavailable"}
"""Codes that refuse a batch as a whole, although the queue answers for each entry."""

SENTENCES = {
    "RequestThrottled": "The request was denied due to request throttling.",
    "ServiceUnavailable": "The service is temporarily unavailable.",
    "OverLimit": "Too many messages in flight: delete some before receiving more.",
}


EXPIRED = "The receipt handle has expired."
GONE = "Message does not exist or is not available for visibility timeout change."
TOO_LONG = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."


class MessageOperations:
    """What can be done with messages.

    Args:
        account: whose queues they are.
        exceptions: makes the errors of receives that are refused.
    """

    def __init__(self, account: Account, exceptions: Exceptions) -> None:
        self._account = account
        self._exceptions = exceptions

    # Send ----------------------------------------------------------------------------------

    def send_message(self, p: Parameters) -> dict[str, Any]:
        """Send one message."""
        entry = self._account.queue(p["QueueUrl"])
        check_groups(entry, p, in_batch=False)
        check_message(entry, p)
        letter = self._letter(entry, p)
        code = entry.queue.accept(letter, _delay_ns(entry, p))
        if code is not None:
            raise Refused(code, _send_sentence(entry, code))
        return self._sent(entry, letter, p)

    def send_message_batch(self, p: Parameters) -> dict[str, Any]:
        """Send up to ten messages; each succeeds or fails by itself."""
        entry = self._account.queue(p["QueueUrl"])
        entries = p["Entries"]
        total = sum(attribute_bytes(each) for each in entries)
        check_batch(entries, "SendMessageBatchRequestEntry", total)
        for each in entries:
            check_groups(entry, each, in_batch=True)
        batch = Batch(entries, lambda each: check_message(entry, each))
        letters = [self._letter(entry, each) for each in batch.good]
        delays = [_delay_ns(entry, each) for each in batch.good]
        codes = [
            (code, _send_sentence(entry, code or ""))
            for code in self._store(entry, letters, delays)
        ]
        return batch.answer(codes, lambda index, each: self._sent(entry, letters[index], each))

    def _store(
        self, entry: QueueEntry, letters: list[Letter], delays: list[int | None]
    ) -> Sequence[str | None]:
        return entry.queue.accept_batch(letters, delays) if letters else ()

    def _letter(self, entry: QueueEntry, message: Parameters) -> Letter:
        trace = message.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {})
        return self._account.letter(
            entry.queue.name,
            message["MessageBody"],
            typed=message.get("MessageAttributes"),
            group=message.get("MessageGroupId"),
            deduplication_id=deduplication_id(entry, message),
            trace=trace.get("StringValue"),
        )

    def _sent(self, entry: QueueEntry, letter: Letter, message: Parameters) -> dict[str, Any]:
        """Return the reply; that to a duplicate shows the message kept, which AWS leaves open."""
        copy = entry.accepted.get(entry.deduplication_key(letter)) if entry.fifo else None
        kept = copy.message if copy is not None else letter
        reply: dict[str, Any] = {
            "MessageId": kept.message_id,
            "MD5OfMessageBody": md5_hex(letter.body or ""),
        }
        if letter.typed:
            reply["MD5OfMessageAttributes"] = md5_of_attributes(letter.typed)
        system = message.get("MessageSystemAttributes")
        if system:
            reply["MD5OfMessageSystemAttributes"] = md5_of_attributes(system)
        if copy is not None:
            reply["SequenceNumber"] = sequence_number(copy.sequence)
        return reply

    # Receive -------------------------------------------------------------------------------

    @waits
    def receive_message(self, p: Parameters, call: Call) -> None:
        """Receive up to ten messages, waiting up to `WaitTimeSeconds` for the first."""
        entry = self._account.queue(p["QueueUrl"])
        limit, visibility = p.get("MaxNumberOfMessages", 1), p.get("VisibilityTimeout")
        wait = p.get("WaitTimeSeconds")
        if wait is None:
            wait = int(entry.attributes["ReceiveMessageWaitTimeSeconds"])
        _check_receive(limit, wait, visibility, p.get("ReceiveRequestAttemptId"))

        def reply(deliveries: list[Delivery], code: str | None) -> None:
            if code is not None:
                refused = Refused(code, SENTENCES.get(code, ""))
                call.refuse(self._exceptions.make(refused, call.operation, call.request_id))
                return
            found = [self._hand_out(entry, delivery, p) for delivery in deliveries]
            call.answer({"Messages": found} if found else {})

        more = {"attempt_id": p["ReceiveRequestAttemptId"]} if _has_attempt(p) else {}
        entry.queue.receive(
            limit,
            wait * NS_PER_S,
            reply,
            visibility * NS_PER_S if visibility is not None else None,
            **more,
        )

    def _hand_out(self, entry: QueueEntry, delivery: Delivery, p: Parameters) -> dict[str, Any]:
        handle = self._account.handle_of(entry, delivery)
        return received(self._account, entry, delivery, handle, p)

    # Delete --------------------------------------------------------------------------------

    def delete_message(self, p: Parameters) -> None:
        """Delete by receipt handle."""
        entry = self._account.queue(p["QueueUrl"])
        delivery = _delivery(entry, p["ReceiptHandle"])
        code = entry.queue.delete(delivery)
        refuse(code, _handle_sentence(code, p["ReceiptHandle"]))

    def delete_message_batch(self, p: Parameters) -> dict[str, Any]:
        """Delete up to ten messages by receipt handle, in one call."""
        entry = self._account.queue(p["QueueUrl"])
        entries = p["Entries"]
        check_batch(entries, "DeleteMessageBatchRequestEntry")
        batch = Batch(entries, lambda each: _delivery(entry, each["ReceiptHandle"]))
        deliveries = [_delivery(entry, each["ReceiptHandle"]) for each in batch.good]
        codes = entry.queue.delete_batch(deliveries) if deliveries else []
        handles = [each["ReceiptHandle"] for each in batch.good]
        answers = [
            (code, _handle_sentence(code, handle))
            for code, handle in zip(codes, handles, strict=True)
        ]
        return batch.answer(answers, lambda index, each: {})

    # Change visibility ---------------------------------------------------------------------

    def change_message_visibility(self, p: Parameters) -> None:
        """Let a receipt's visibility timeout end a given time from now."""
        entry = self._account.queue(p["QueueUrl"])
        code, sentence = _changed(entry, p)
        refuse(code, sentence)

    def change_message_visibility_batch(self, p: Parameters) -> dict[str, Any]:
        """Change up to ten visibility timeouts."""
        entry = self._account.queue(p["QueueUrl"])
        entries = p["Entries"]
        check_batch(entries, "ChangeMessageVisibilityBatchRequestEntry")
        batch = Batch(entries, lambda each: _change(entry, each))
        answers = [_changed(entry, each) for each in batch.good]
        return batch.answer(answers, lambda index, each: {})


class Batch:
    """The entries of a batch request: those that fail before the queue sees them, and the rest.

    Args:
        entries: all of them.
        check: raises `Refused` for an entry that fails by itself.
    """

    def __init__(self, entries: Sequence[Parameters], check: Callable[[Parameters], Any]) -> None:
        self.good: list[Parameters] = []
        self._failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                check(entry)
            except Refused as refused:
                self._failed.append(_failed(entry, refused.code, refused.message))
            else:
                self.good.append(entry)

    def answer(
        self,
        codes: Sequence[tuple[str | None, str]],
        success: Callable[[int, Parameters], dict[str, Any]],
    ) -> dict[str, Any]:
        """Return the response.

        Args:
            codes: for each good entry an error code, or None, and a sentence.
            success: what a good entry's result shows besides its `Id`.

        Raises:
            Refused: the queue refused the call as a whole.
        """
        if codes and all(code in OF_THE_CALL for code, _ in codes):
            first = str(codes[0][0])
            raise Refused(first, SENTENCES[first])
        done: list[dict[str, Any]] = []
        for index, (entry, (code, sentence)) in enumerate(zip(self.good, codes, strict=True)):
            if code is None:
                done.append({"Id": entry["Id"], **success(index, entry)})
            else:
                self._failed.append(_failed(entry, code, sentence))
        response: dict[str, Any] = {}
        if done:
            response["Successful"] = done
        if self._failed:
            response["Failed"] = self._failed
        return response


def _failed(entry: Parameters, code: str, sentence: str) -> dict[str, Any]:
    return {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": sentence}


def _delay_ns(entry: QueueEntry, message: Parameters) -> int | None:
    """Return a message's own delay; on a FIFO queue the queue's own one always applies."""
    seconds = message.get("DelaySeconds")
    return None if seconds is None or entry.fifo else seconds * NS_PER_S


def _send_sentence(entry: QueueEntry, code: str) -> str:
    if code in SENTENCES:
        return SENTENCES[code]
    return (
        "One or more parameters are invalid. Reason: Message must be shorter than "
        f"{entry.attributes['MaximumMessageSize']} bytes."
    )


def _has_attempt(p: Parameters) -> bool:
    return "ReceiveRequestAttemptId" in p


def _check_receive(limit: int, wait: int, visibility: int | None, attempt: str | None) -> None:
    refuse(
        rules.receive_error(limit=limit),
        f"Value {limit} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 "
        "and 10, if provided.",
    )
    refuse(
        rules.receive_error(wait_s=wait),
        f"Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, "
        "if provided.",
    )
    if visibility is not None:
        _check_visibility(visibility)
    refuse(
        rules.receive_error(attempt_id=attempt),
        f"Value {attempt} for parameter ReceiveRequestAttemptId is invalid.",
    )


def _check_visibility(seconds: int) -> None:
    refuse(
        rules.visibility_error(seconds),
        f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 "
        "and 43200, if provided.",
    )


def _delivery(entry: QueueEntry, handle: str) -> Delivery:
    found = entry.handles.get(handle)
    if found is None:
        raise Refused("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    return found


def _change(entry: QueueEntry, change: Parameters) -> tuple[Delivery, int]:
    seconds = change.get("VisibilityTimeout", 0)
    _check_visibility(seconds)
    return _delivery(entry, change["ReceiptHandle"]), seconds * NS_PER_S


def _changed(entry: QueueEntry, p: Parameters) -> tuple[str | None, str]:
    """Change a visibility timeout; return the error code, or None, and its sentence."""
    delivery, timeout_ns = _change(entry, p)
    code = entry.queue.change_visibility(delivery, timeout_ns)
    reason = _why_unchanged(delivery, timeout_ns, entry.queue.sim.now)
    return code, _handle_sentence(code, p["ReceiptHandle"], reason)


def _why_unchanged(delivery: Delivery, timeout_ns: int, now: int) -> str:
    """Return why a visibility timeout cannot be changed: gone, beyond 12 hours, or expired."""
    if getattr(delivery.copy, "state", None) == NO_LONGER_STORED:
        return GONE
    longest = now + timeout_ns - delivery.received_ns
    return TOO_LONG if longest > rules.MAX_VISIBILITY_NS else EXPIRED


def _handle_sentence(code: str | None, handle: str, reason: str = EXPIRED) -> str:
    if code in SENTENCES:
        return SENTENCES[str(code)]
    return f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}"
