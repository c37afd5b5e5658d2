"""The facts that components announce, declared once so that observers can rely on them.

Every listener gets `now` (ns) first, then the values a fact carries. Consumers of a source announce
`completed` and `failed`; `Component.judged` names the subscriber whose messages those are.
"""

from __future__ import annotations

from msgsim.kernel.signals import Signal

# What a workload's publisher announces.
PUBLISHED = Signal("published", "a message was born and sent for the first time", ("message",))
RETRIED = Signal("retried", "the client sent a message again", ("message",))
REFUSED = Signal("refused", "the client gave a message up", ("message", "code"))
CALLED = Signal("called", "the client made one API call", ("messages", "code"))

# What an entry point (topic, queue, stream) announces about API calls. `items` are what the call
# carries: the messages of a send, the deliveries of a receive, delete or change, the records of a
# read; `code` is the error that answers the whole call, or None. What one service hands to another
# by itself (a topic to its queue, a queue to its dead-letter queue) is no API call.
REQUESTED = Signal("requested", "an API call was answered", ("action", "items", "code"))
THROTTLED = Signal("throttled", "a call was refused for a quota", ("action", "messages"))
DEDUPLICATED = Signal("deduplicated", "a repeated send was acknowledged, not kept", ("message",))

# Topic and subscription.
ACCEPTED = Signal("accepted", "a topic took a message", ("message",))
FORWARDED = Signal("forwarded", "a subscription began to deliver a message", ("message",))
FILTERED = Signal("filtered", "the filter policy kept a message out", ("message",))
DELIVERED = Signal("delivered", "the subscriber took a message", ("message",))
ATTEMPT_FAILED = Signal("attempt_failed", "a delivery attempt failed", ("message", "code"))
SENT_AGAIN = Signal("sent_again", "a message goes to a subscriber once more", ("message",))
DISCARDED = Signal("discarded", "a message was given up for good", ("message", "code"))

# Queue.
SENT = Signal("sent", "a copy was stored", ("copy",))
MOVED_IN = Signal("moved_in", "a copy arrived from a source queue by redrive", ("copy",))
RECEIVED = Signal("received", "a receive handed deliveries out", ("deliveries",))
EMPTY = Signal("empty", "a receive returned nothing", ("code",))
RETURNED = Signal("returned", "a copy became visible again", ("delivery",))
DELETED = Signal("deleted", "a copy was deleted by receipt", ("delivery",))
DELETE_REFUSED = Signal("delete_refused", "a delete was refused", ("delivery", "code"))
DEAD_LETTERED = Signal("dead_lettered", "a copy left for the dead-letter queue", ("copy",))
EXPIRED = Signal("expired", "retention ended for a copy", ("copy",))
GHOST = Signal("ghost", "a deleted copy came back from a replica", ("copy",))
PURGED = Signal("purged", "a purge removed a copy", ("copy",))
MOVED_OUT = Signal("moved_out", "a message move task took a copy away", ("copy",))
MOVED_BACK = Signal("moved_back", "a message move task brought a message", ("message",))
RESCHEDULED = Signal(
    "rescheduled", "a delayed copy becomes visible at another moment", ("copy", "former_ns")
)
REPEATED = Signal("repeated", "a receive was repeated by its attempt id", ("deliveries",))

# Stream.
STORED = Signal("stored", "a shard stored a record", ("shard", "message"))
SHARD_THROTTLED = Signal("shard_throttled", "a shard refused a record", ("shard", "message"))
TRIMMED = Signal(
    "trimmed",
    "retention ended for records a consumer had not read",
    ("shard", "count", "consumer"),
)
READ_THROTTLED = Signal("read_throttled", "a shard refused a read", ("shard",))
AGGREGATED = Signal(
    "aggregated", "the messages just stored are one record", ("shard", "count", "record")
)
PUSHED = Signal(
    "pushed", "an event was pushed to a registered consumer", ("shard", "count", "size_bytes")
)
RESHARDED = Signal("resharded", "shards closed and their children opened", ("parents", "children"))

# Delivery stream.
INGESTED = Signal("ingested", "a delivery stream took a record", ("copy",))
TRANSFORMED = Signal("transformed", "a transformation of a batch ended", ("records", "status"))
BATCH_DELIVERED = Signal(
    "batch_delivered",
    "a place took a batch of a delivery stream",
    ("place", "records", "size_bytes", "oldest_ns"),
)
DELIVERY_FAILED = Signal(
    "batch_failed", "a place did not take a batch of a delivery stream", ("place", "code")
)
ERROR_OUTPUT = Signal("error_output", "a record went to the error output", ("copy", "reason"))
PARTITIONS = Signal("partitions", "the number of active partitions changed", ("count",))

# Consumers: worker fleets, mappings, and functions invoked asynchronously.
TAKEN = Signal("taken", "a stream consumer or function got copies", ("deliveries",))
COMPLETED = Signal("completed", "a consumer processed a delivery with success", ("delivery",))
FAILED = Signal("failed", "a consumer's attempt at a delivery failed", ("delivery", "reason"))
VISITED = Signal(
    "visited",
    "completed, deleted and ended in one, where only the default observers listen to these",
    ("delivery",),
)
DROPPED = Signal("dropped", "a consumer gave a copy up for good", ("copy", "reason"))
ITERATOR_AGE = Signal("iterator_age", "age of the last record of a batch", ("shard", "age_ns"))

# Servers: functions and workers.
STARTED = Signal("started", "an environment or worker began a batch", ("records", "cold"))
ENDED = Signal("ended", "a batch ended", ("duration_ns", "status"))
COLD_START = Signal("cold_start", "an environment was initialised", ("init_ns",))
INVOKE_THROTTLED = Signal("invoke_throttled", "an invocation was refused", ("code",))
CRASHED = Signal("crashed", "a worker died with messages in hand", ("deliveries",))
POLLERS = Signal("pollers", "the number of pollers changed", ("count",))
PROVISIONED = Signal("provisioned", "provisioned environments became ready or ended", ("count",))
PROVISIONED_BUSY = Signal("provisioned_busy", "busy provisioned environments", ("count",))
SPILLED_OVER = Signal("spilled_over", "all provisioned environments were busy", ())

# Mappings of queues: events by CloudWatch's counting.
POLLED = Signal("polled", "a poll of a mapping was answered", ("count",))
BATCH_INVOKED = Signal("batch_invoked", "a mapping's invocation began", ("count",))
BATCH_FAILED = Signal("batch_failed", "events of a mapping's invocation failed", ("count",))
BATCH_DELETED = Signal("batch_deleted", "a mapping deleted messages", ("count",))

# A function's asynchronous invocation, and its store of idempotency keys.
EVENT_STARTED = Signal("event_started", "an attempt at a queued event began", ("age_ns",))
GIVEN_UP = Signal("given_up", "a queued event was given up", ("reason",))
DESTINATION_FAILED = Signal("destination_failed", "a destination refused a record", ("code",))
REPEATED_EVENT = Signal("repeated_event", "a finished event came back", ("message",))
STORE_CALLED = Signal("store_called", "the idempotency store was called", ("operation",))
SKIPPED = Signal("skipped", "a delivery was recognised as done already", ("delivery",))

# Fleets that grow and shrink, and alarms.
RESIZED = Signal("resized", "the size of a fleet changed", ("desired", "running", "starting"))
LEFT = Signal("left", "a worker left the fleet for good", ("reason", "deliveries"))
SCALED = Signal("scaled", "a scaling policy changed the desired size", ("policy", "desired"))
ALARM_CHANGED = Signal("alarm_changed", "an alarm changed its state", ("state", "reason"))

# Faults.
FAULT_BEGAN = Signal("fault_began", "a fault began", ("description",))
FAULT_ENDED = Signal("fault_ended", "a fault ended", ("description",))

# Actions of the scenario.
ACTED = Signal("acted", "an action was carried out, or refused", ("description", "code"))
