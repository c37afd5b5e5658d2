"""SNS operations on messages: publish, single and in batches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgsim.cloud.account import Account, TopicEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import content_id
from msgsim.cloud.letters import Letter, size_of
from msgsim.cloud.sns_topics import refuse
from msgsim.services.sns import rules

Parameters = Mapping[str, Any]

SENTENCES = {
    "ThrottlingException": "Rate exceeded",
    "ServiceUnavailable": "The service is temporarily unavailable.",
    rules.NO_CODE: "Invalid parameter: Message too long",
}
OF_THE_CALL = {"ThrottlingException", "ServiceUnavailable"}
_FIELDS = {"String": "StringValue", "Number": "StringValue", "Binary": "BinaryValue"}


class PublishOperations:
    """What can be published."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def publish(self, p: Parameters) -> dict[str, Any]:
        """Publish one message to a topic."""
        if "PhoneNumber" in p:
            raise Refused("UnsupportedOperation", "ms.Cloud sends no SMS")
        arn = p.get("TopicArn", p.get("TargetArn"))
        if arn is None:
            raise Refused(
                rules.NO_CODE,
                "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
            )
        entry = self._account.topic(arn)
        _check_of_the_call(entry, p)
        _check_message(p)
        refuse(rules.check_size(_size(p), _largest(entry)))
        letter = self._letter(entry, p)
        code = entry.topic.accept(letter)
        if code is not None:
            raise Refused(code, SENTENCES[code])
        return _published(letter)

    def publish_batch(self, p: Parameters) -> dict[str, Any]:
        """Publish up to ten messages; each succeeds or fails by itself."""
        entry = self._account.topic(p["TopicArn"])
        entries = p["PublishBatchRequestEntries"]
        ids, sizes = [each["Id"] for each in entries], [_size(each) for each in entries]
        refuse(rules.check_batch(ids, sizes, _largest(entry)))
        for each in entries:
            _check_of_the_call(entry, each)
        good, failed = [], []
        for each in entries:
            try:
                _check_message(each)
            except Refused as refused:
                failed.append(_failed(each, refused.code, refused.message))
            else:
                good.append(each)
        letters = [self._letter(entry, each) for each in good]
        codes = entry.topic.accept_batch(letters) if letters else []
        if codes and all(code in OF_THE_CALL for code in codes):
            raise Refused(codes[0], SENTENCES[codes[0]])
        done = []
        for each, letter, code in zip(good, letters, codes, strict=True):
            if code is None:
                done.append({"Id": each["Id"], **_published(letter)})
            else:
                failed.append(_failed(each, code, SENTENCES[code]))
        return {"Successful": done, "Failed": failed}

    def _letter(self, entry: TopicEntry, message: Parameters) -> Letter:
        body = message["Message"]
        own = message.get("MessageDeduplicationId")
        if own is None and entry.fifo:
            own = content_id(body)
        letter = self._account.letter(
            entry.topic.name,
            body,
            typed=message.get("MessageAttributes"),
            group=message.get("MessageGroupId"),
            deduplication_id=own,
        )
        letter.subject = message.get("Subject")
        if message.get("MessageStructure") == "json":
            letter.protocols = json.loads(body)
        if entry.fifo:
            entry.published += 1
            letter.sequence = str(10_000_000_000_000_000_000 + 1_000 * entry.published)
        return letter


def _check_of_the_call(entry: TopicEntry, message: Parameters) -> None:
    """Refuse what, in a batch, refuses the whole call."""
    refuse(
        rules.check_ids(
            entry.fifo,
            entry.attributes.get("ContentBasedDeduplication") == "true",
            message.get("MessageGroupId"),
            message.get("MessageDeduplicationId"),
        )
    )
    refuse(rules.check_structure(message["Message"], message.get("MessageStructure")))


def _check_message(message: Parameters) -> None:
    if not message["Message"]:
        refuse(rules.check_size(0, 1))
    refuse(rules.check_subject(message.get("Subject")))
    for name, value in message.get("MessageAttributes", {}).items():
        refuse(rules.check_attribute_name(name))
        _check_value(name, value)


def _check_value(name: str, value: Mapping[str, Any]) -> None:
    kind = value["DataType"].partition(".")[0]
    field = _FIELDS.get(kind)
    if field is None:
        raise Refused(
            "ParameterValueInvalid",
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String.",
        )
    if not value.get(field):
        raise Refused(
            "ParameterValueInvalid",
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{value['DataType']}'.",
        )
    if kind == "Number" and not _is_number(value["StringValue"]):
        raise Refused(
            "ParameterValueInvalid",
            f"Could not cast message attribute '{name}' value to number.",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _size(message: Parameters) -> int:
    return size_of(message["Message"], message.get("MessageAttributes", {}))


def _largest(entry: TopicEntry) -> int:
    return int(entry.attributes.get("MaximumMessageSize", rules.DEFAULT_BYTES))


def _published(letter: Letter) -> dict[str, Any]:
    found = {"MessageId": letter.message_id}
    if letter.sequence is not None:
        found["SequenceNumber"] = letter.sequence
    return found


def _failed(message: Parameters, code: str, sentence: str) -> dict[str, Any]:
    return {"Id": message["Id"], "Code": code, "Message": sentence, "SenderFault": True}
