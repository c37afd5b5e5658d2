"""Traces: every fact once, spans that tile a message's life, files that other tools can read."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment.retell import Told, biographies, interesting, moment, of_group, of_shard
from msgsim.experiment.run import drive, prepare
from msgsim.experiment.summary import plain_run
from msgsim.observe.trace import SpanBuilder, Tracer, chosen, sampled
from msgsim.problems import ProblemError
from msgsim.report.biography import lives, moment_text
from msgsim.report.traces import FORMATS, write_trace
from msgsim.scenario.load import load_text, variants_of

NS_PER_S = 1_000_000_000


def told(name: str, *overrides: str, variant: str | None = None) -> Told:
    found = variants_of(msgsim.load(scenario_path(name), overrides))
    return Told(found[variant] if variant is not None else next(iter(found.values())))


FANOUT = ("fanout", "duration=90s")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> tuple:
    path = tmp_path_factory.mktemp("events") / "trace.jsonl"
    run = write_trace(path, told(*FANOUT))
    return run, lines(path)


def test_the_facts_of_a_trace_are_those_that_observers_count(events):
    run, facts = events
    counts = Counter((fact["at"], fact["what"]) for fact in facts)
    plain = run.observers.to_json()
    for queue, seen in plain["queues"].items():
        for what in ("sent", "received", "deleted", "returned"):
            assert counts[queue, what] == seen["counts"][what]
    published = sum(sender["published"] for sender in plain["workloads"].values())
    assert sum(n for (_, what), n in counts.items() if what == "published") == published


def test_facts_are_in_the_order_of_time_and_messages_have_short_names(events):
    _, facts = events
    times = [fact["t_ns"] for fact in facts]
    assert times == sorted(times)
    assert all(re.fullmatch(r"Shop#\d+", fact["message"]) for fact in facts)
    assert facts[0]["message"] == "Shop#1"


def test_tracing_changes_nothing():
    one = told(*FANOUT)
    alone, watched = prepare(one.scenario), one.again(Tracer(SpanBuilder(lambda span: None)))
    drive(alone)
    assert plain_run(alone) == plain_run(watched)


def test_a_trace_repeats_byte_for_byte(tmp_path):
    for form in FORMATS:
        both = [tmp_path / f"{form}{again}" for again in (1, 2)]
        for path in both:
            write_trace(path, told("poison_message", "duration=60s"), form)
        assert both[0].read_bytes() == both[1].read_bytes()


def spans_of(one: Told) -> tuple:
    found: list = []
    builder = SpanBuilder(found.append)
    run = one.again(Tracer(builder))
    going_on = len(builder._open)
    builder.finish(run.simulated_ns)
    return run, found, going_on


def test_waiting_and_flight_tile_the_stay_of_a_copy():
    """No gap and no overlap between the spans of one copy in one queue, from send to delete."""
    _, spans, _ = spans_of(told("poison_message"))
    stays: dict = {}
    for span in spans:
        if span.name in {"wait", "in flight"} and span.place == "Orders":
            stays.setdefault(span.label, []).append(span)
    assert stays
    for parts in stays.values():
        parts.sort(key=lambda span: (span.start_ns, span.end_ns))
        for before, after in pairwise(parts):
            assert before.end_ns == after.start_ns
            assert (before.name, after.name) in {("wait", "in flight"), ("in flight", "wait")}


def test_the_poison_message_flies_five_times_and_is_dead_lettered():
    """`maxReceiveCount` 5: five flights that end in a return, then the dead-letter queue."""
    one = told("poison_message")
    poison = interesting(one).ranked("dead_lettered")[0][0]
    _, spans, _ = spans_of(one)
    mine = [span for span in spans if span.message == poison]
    flights = [span.status for span in mine if span.name == "in flight"]
    assert flights == ["returned"] * 5
    assert [s.status for s in mine if s.name == "wait" and s.place == "Orders"][-1] == (
        "dead-lettered"
    )
    assert [span.status for span in mine if span.name == "process"] == ["failed"] * 5


def test_spans_are_handed_on_when_they_end():
    """What is kept is what goes on: about as much as the components hold at the end."""
    run, spans, going_on = spans_of(told(*FANOUT))
    held = sum(len(list(part.holds())) for part in run.system.components.values())
    assert len(spans) > 10_000
    assert going_on <= held + 10


def test_every_parent_is_a_span_of_the_same_message():
    _, spans, _ = spans_of(told(*FANOUT))
    ids = {span.span_id: span for span in spans}
    assert len(ids) == len(spans)
    for span in spans:
        if span.parent_id:
            assert ids[span.parent_id].message == span.message
        else:
            assert span.name == "publish"


def test_otlp_lines_are_export_requests(tmp_path):
    """Read with OpenTelemetry's own protobuf classes; ids are hexadecimal in OTLP's JSON."""
    base64 = pytest.importorskip("base64")
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    json_format = pytest.importorskip("google.protobuf.json_format")
    path = tmp_path / "trace.json"
    write_trace(path, told("fanout", "duration=20s"), "otlp")
    names, linked = set(), 0
    for document in lines(path):
        for resource in document["resourceSpans"]:
            for span in resource["scopeSpans"][0]["spans"]:
                for holder in (span, *span.get("links", ())):
                    for field, digits in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
                        if field in holder:
                            assert re.fullmatch(f"[0-9a-f]{{{digits}}}", holder[field])
                            raw = bytes.fromhex(holder[field])
                            holder[field] = base64.b64encode(raw).decode()
        request = json_format.ParseDict(document, service.ExportTraceServiceRequest())
        for resource in request.resource_spans:
            for span in resource.scope_spans[0].spans:
                names.add(span.name)
                linked += len(span.links)
                assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    assert {"send Orders", "receive Billing", "process Billing"} <= names
    assert linked > 1_000


def test_perfetto_slices_are_balanced_and_executions_never_overlap(tmp_path):
    path = tmp_path / "trace.json"
    write_trace(path, told("fanout", "duration=20s"), "perfetto")
    document = json.loads(path.read_text("utf-8"))
    open_, tracks = Counter(), {}
    for event in document["traceEvents"]:
        assert {"ph", "pid", "name"} <= set(event)
        if event["ph"] in "be":
            open_[event["cat"], event["id"]] += 1 if event["ph"] == "b" else -1
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append(event)
    assert not +open_ and not -open_
    assert tracks
    for track in tracks.values():
        track.sort(key=lambda event: event["ts"])
        for before, after in pairwise(track):
            assert before["ts"] + before["dur"] <= after["ts"] + 0.001
    assert any(event["ph"] == "C" for event in document["traceEvents"])


def test_fifo_slices_are_called_after_their_group(tmp_path):
    path = tmp_path / "trace.json"
    write_trace(path, told("poison_message", "duration=30s"), "perfetto")
    names = {event["name"] for event in json.loads(path.read_text("utf-8"))["traceEvents"]}
    assert {"wait · group A", "in flight · group B"} <= names


def test_xray_documents_have_the_fields_that_are_required(tmp_path):
    """X-Ray Developer Guide, segment documents: name, id, trace_id, start_time, end_time."""
    path = tmp_path / "trace.json"
    write_trace(path, told("poison_message", "duration=30s"), "xray")
    documents = lines(path)
    for document in documents:
        assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", document["trace_id"])
        assert re.fullmatch(r"[0-9a-f]{16}", document["id"])
        assert re.fullmatch(r"[\w\s.:/%&#=+\\\-@]{1,200}", document["name"])
        assert document.get("in_progress") or document["end_time"] >= document["start_time"]
    assert any(document.get("fault") for document in documents)


HOSTILE = """
msgsim: 1
question: Is text only text?
duration: 5s
resources:
  Q: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, workers: 1, handler: {time: 10ms}}
workload:
  - {name: S, to: Q, rate: 5/s, keys: {'</script>"\\': 100%}}
"""


@pytest.mark.parametrize("form", FORMATS)
def test_text_that_looks_like_markup_stays_text(form, tmp_path):
    path = tmp_path / "trace"
    write_trace(path, Told(load_text(HOSTILE)), form)
    text = path.read_text("utf-8")
    documents = [json.loads(text)] if form == "perfetto" else lines(path)
    assert '</script>\\"\\\\' in text or form == "perfetto"
    assert documents


def test_a_folder_that_does_not_exist_is_a_problem_and_leaves_nothing(tmp_path):
    with pytest.raises(ProblemError, match="cannot write"):
        write_trace(tmp_path / "none" / "x", told("hello"))
    assert list(tmp_path.iterdir()) == []


@given(st.floats(0, 1), st.integers(0, 1 << 50))
def test_a_share_of_consecutive_messages_is_that_share(share, first):
    choice = sampled(share)
    hits = sum(1 for n in range(first, first + 1_000) if choice is None or choice(n))
    assert abs(hits - 1_000 * share) <= 5


def test_interest_agrees_with_the_trace(events):
    """The slowest message of the run has the longest way from publication to a completion."""
    run, facts = events
    number, took, place = interesting(told(*FANOUT)).ranked("slowest")[0]
    born = {fact["message"]: fact["t_ns"] for fact in facts if fact["what"] == "published"}
    judged = {name: part.judged for name, part in run.system.components.items()}
    first: dict = {}
    for fact in facts:
        if fact["what"] == "completed":
            first.setdefault((fact["message"], judged[fact["at"]]), fact["t_ns"])
    slowest = max(first, key=lambda one: first[one] - born[one[0]])
    assert first[slowest] - born[slowest[0]] == took
    assert slowest[1] == place
    assert biographies(told(*FANOUT), chosen([number])).messages() == [slowest[0]]


def test_a_life_is_told_in_words():
    one = told("poison_message")
    text = lives(biographies(one, chosen(interesting(one).numbers("dead_lettered"))))
    assert text.splitlines()[0] == "A#5, key A"
    assert text.count("an attempt failed") == 5
    assert "left for the dead-letter queue" in text


def test_groups_and_shards_have_lives_of_their_own():
    kept = of_group(told("poison_message", "duration=30s"), "B")
    assert {step.key for step in kept.steps} == {"B"}
    assert len(kept.messages()) == 30
    kept = of_shard(told("hot_shard", "duration=3s"), "Clicks", 0)
    assert kept.steps
    assert {step.detail["shard"] for step in kept.steps if "shard" in step.detail} == {0}


def test_a_moment_shows_who_holds_what():
    """At 30 s the poison message blocks its group: one in flight, what came since waits."""
    found = moment(told("poison_message"), 30 * NS_PER_S)
    assert found.held["Orders"]["waiting"] == 26
    assert "WHO HELD MESSAGES" in moment_text(found)
    with pytest.raises(ValueError, match="over by then"):
        moment(told("hello"), 10**18)
