"""SQS operations on message move tasks: a dead-letter queue's messages go back to work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import short_name
from msgsim.services.sqs_queue import rules

Parameters = Mapping[str, Any]
MOST_LISTED = 10


class MoveOperations:
    """Start, list and cancel message move tasks."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tasks: dict[str, tuple[Any, str]] = {}

    def start_message_move_task(self, p: Parameters) -> dict[str, Any]:
        """Begin to move a dead-letter queue's messages, each to its source or all to one queue."""
        source = self._find(p["SourceArn"])
        destination = self._find(p["DestinationArn"]) if "DestinationArn" in p else None
        task = source.queue.start_move_task(
            destination.queue if destination is not None else None,
            p.get("MaxNumberOfMessagesPerSecond"),
        )
        if isinstance(task, str):
            raise Refused(task, _why(source))
        handle = self._account.ids.handle()
        self._tasks[handle] = (task, destination.arn if destination is not None else "")
        return {"TaskHandle": handle}

    def list_message_move_tasks(self, p: Parameters) -> dict[str, Any]:
        """Return the tasks of a source, the latest first; one unless `MaxResults` asks for more."""
        source = self._find(p["SourceArn"])
        most = p.get("MaxResults", 1)
        if not 1 <= most <= MOST_LISTED:
            raise Refused(
                rules.INVALID_VALUE,
                f"Value {most} for parameter MaxResults is invalid. Reason: must be 1 to 10.",
            )
        mine = [
            self._shown(handle, task, destination, source)
            for handle, (task, destination) in reversed(self._tasks.items())
            if task.source is source.queue
        ]
        return {"Results": mine[:most]}

    def cancel_message_move_task(self, p: Parameters) -> dict[str, Any]:
        """Stop a running task: it moves on for a little while."""
        found = self._tasks.get(p["TaskHandle"])
        if found is None or found[0].status != "RUNNING":
            raise Refused(rules.NOT_FOUND, "Task does not exist or is not running.")
        task = found[0]
        error = task.cancel()
        if error is not None:
            raise Refused(error, "Only active tasks can be cancelled.")
        return {"ApproximateNumberOfMessagesMoved": task.moved}

    def _find(self, arn: str) -> QueueEntry:
        found = self._account.queues.get(short_name(arn))
        if found is None:
            raise Refused(rules.NOT_FOUND, "The resource that you specified doesn't exist.")
        return found

    def _shown(
        self, handle: str, task: Any, destination: str, source: QueueEntry
    ) -> dict[str, Any]:
        found = {
            "Status": task.status,
            "SourceArn": source.arn,
            "ApproximateNumberOfMessagesMoved": task.moved,
            "ApproximateNumberOfMessagesToMove": task.to_move,
            "StartedTimestamp": int(self._account.timestamp_ms(task.started_ns)),
        }
        if task.status == "RUNNING":
            found["TaskHandle"] = handle
        if destination:
            found["DestinationArn"] = destination
        if task.rate is not None:
            found["MaxNumberOfMessagesPerSecond"] = task.rate
        if task.failure_reason is not None:
            found["FailureReason"] = task.failure_reason
        return found


def _why(source: QueueEntry) -> str:
    if not source.queue.sources:
        return "Source queue must be configured as a Dead Letter Queue."
    tasks = source.queue.move_tasks
    if tasks and tasks[-1].active:
        return "There is already a task running. Only one active task is allowed for a source queue"
    return "The destination must be another queue of the same type, the rate 1 to 500."
