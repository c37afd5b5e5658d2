"""From text to a positioned tree: every bad file is refused with place and cause."""

from __future__ import annotations

import io
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.problems import CODES, ProblemError, render
from msgsim.scenario.compose import MAX_DEPTH, MAX_NODES
from msgsim.scenario.reader import MAX_TEXT, read_file, read_text
from msgsim.scenario.scanner import MAX_VALUE, Loader
from msgsim.scenario.tree import Mapping, Scalar, Sequence


def plain(node):
    """A tree without its places."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node}
    if isinstance(node, Sequence):
        return [plain(item) for item in node]
    return None if node.null else node.text


def refused(text):
    """The problems of a text, as (code, line, column)."""
    with pytest.raises(ProblemError) as error:
        read_text(text, "f.yaml")
    assert error.value.sources == {"f.yaml": text} or len(text) > MAX_TEXT
    return [(p.code, p.place and (p.place.line, p.place.column)) for p in error.value.problems]


def check_shown(error):
    """Whatever is refused can be shown, and its code is known."""
    assert render(error.problems, error.sources)
    assert {p.code for p in error.problems} <= CODES.keys()


def message_of(text):
    with pytest.raises(ProblemError) as error:
        read_text(text, "f.yaml")
    return render(error.value.problems, error.value.sources)


# --- what is read ---------------------------------------------------------------------------------


def test_every_node_knows_its_place():
    root = read_text("seed: 42\nresources:\n  Billing: {type: sqs.queue}\n", "f.yaml")
    billing = root["resources"]["Billing"]
    kind = billing["type"]
    assert (kind.place.file, kind.place.line, kind.place.column) == ("f.yaml", 3, 19)
    assert kind.place.length == len("sqs.queue")
    assert (billing.place.line, billing.place.column, billing.place.length) == (3, 12, 17)
    assert (root["resources"].place.line, root["resources"].place.column) == (3, 3)
    assert root.key("resources").place.line == 2
    assert root.names() == ["seed", "resources"]
    assert root.get("nothing") is None


def test_scalars_stay_text_until_a_field_decides():
    """YAML 1.1 would make these a boolean, 8, 5400, a float and a date."""
    root = read_text("[on, 010, 1:30:00, 1e3, 2026-11-23]\n".join(["a: ", ""]), "f")
    assert plain(root["a"]) == ["on", "010", "1:30:00", "1e3", "2026-11-23"]


def test_nulls_and_quotes_are_told_apart():
    root = read_text("a: null\nb:\nc: 'null'\nd: !!null x\ne: !!str null\nf: |\n  text\ng: ''", "f")
    assert [(root[n].null, root[n].missing, root[n].quoted) for n in "abcdefg"] == [
        (True, False, False),
        (True, True, False),
        (False, False, True),
        (True, False, False),
        (False, False, True),
        (False, False, True),
        (False, False, True),
    ]


def test_anchors_merge_keys_and_x_keys():
    text = """
x-defaults: &defaults {type: sqs.queue, VisibilityTimeout: 30, x-note: dropped}
resources:
  A: *defaults
  B: {<<: *defaults, VisibilityTimeout: 60}
  C: {<<: [{a: 1, b: 1}, {b: 2, c: 2}], x-more: 1}
"""
    assert plain(read_text(text, "f")) == {
        "resources": {
            "A": {"type": "sqs.queue", "VisibilityTimeout": "30"},
            "B": {"type": "sqs.queue", "VisibilityTimeout": "60"},
            "C": {"a": "1", "b": "1", "c": "2"},
        }
    }


def test_a_quoted_merge_sign_is_an_ordinary_key():
    assert plain(read_text("'<<': 3", "f")) == {"<<": "3"}


def test_a_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfseed: 1\r\nduration: 1s\r\n")
    root, text = read_file(path)
    assert root.names() == ["seed", "duration"]
    assert root.key("duration").place.line == 2
    assert not text.startswith("\ufeff")


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"seed: 1")))
    root, text = read_file("-")
    assert (root["seed"].place.file, text) == ("<stdin>", "seed: 1")


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("E117", (1, 1))]),
        ("# only a comment\n", [("E117", (1, 1))]),
        ("---\n", [("E117", (1, 1))]),
        ("- a\n- b", [("E117", (1, 1))]),
        ("hello", [("E117", (1, 1))]),
        ("<<: 3", [("E117", (1, 5))]),
        ("a: [1, 2", [("E113", (1, 4))]),
        ("a: {b: 1\nc: 2\n", [("E113", (2, 2))]),
        ("a: 'x\nb: 1\n", [("E113", (1, 4))]),
        ("a: b: c", [("E113", (1, 5))]),
        ("a: @x", [("E113", (1, 4))]),
        ("a: 1\nfoo\nb: 2", [("E113", (2, 1))]),
        ("a:\n    b: 1\n   c: 2", [("E113", (3, 4))]),
        ("a: *nowhere", [("E113", (1, 4))]),
        ("? [a, b]\n: 1", [("E113", (1, 3))]),
        ("a: {{ rate }}", [("E113", (1, 5))]),
        ('a: "\\ud800"', [("E113", (1, 4))]),
        ('a: "\\UFFFFFFFF"', [("E113", (1, 6))]),
        ("a:\n\tb: 1", [("E114", (2, 1))]),
        ("a:\tb", [("E114", (1, 3))]),
        ("a: 1\nb: 2\na: 3\n", [("E115", (3, 1))]),
        ("a: &a [*a]", [("E116", (1, 8))]),
        ("a: !Ref Orders", [("E118", (1, 4))]),
        ("a: !!python/object/apply:os.system [ls]", [("E118", (1, 4))]),
        ("a: !!int [1]", [("E118", (1, 4))]),
        ("a: 1\n---\nb: 2", [("E119", (2, 1))]),
        ("a: 1\x00", [("E111", (1, 5))]),
        ("a: 1\nb: \x1b[31m", [("E111", (2, 4))]),
        ("a: \ud800", [("E111", (1, 4))]),
    ],
)
def test_bad_text_is_refused_with_its_code_and_place(text, expected):
    assert refused(text) == expected


def test_all_problems_come_at_once():
    text = "a: 1\na: 2\nb: !Ref Q\nc: {d: 1, d: 2}\ne: *nowhere\nf: [1"
    assert [code for code, _ in refused(text)] == ["E115", "E118", "E115", "E113", "E113"]


def test_a_duplicate_names_both_places():
    assert "first on line 1, again on line 3" in message_of("a: 1\nb: 2\na: 3\n")


def test_messages_speak_to_the_user():
    assert "did you mean `*queue`?" in message_of("a: &queue 1\nb: *quue")
    assert "write the logical name itself: `Orders`" in message_of("a: !GetAtt Orders.Arn")
    assert "never runs code" in message_of("a: !!python/name:os.system x")
    assert "1 more line below" in message_of("a:\n\tb: 1\n\tc: 2")
    assert "no templating language" in message_of("a: {{ rate }}")
    assert "never closed" in message_of("a: [1, 2")
    assert "Traceback" not in message_of("%YAML 99999999999999999999.1\n---\na: 1")


def test_every_code_used_here_is_registered():
    used = {"E110", "E111", "E112", "E113", "E114", "E115", "E116", "E117", "E118", "E119"}
    assert used <= CODES.keys()


# --- files ----------------------------------------------------------------------------------------


def code_of(path):
    with pytest.raises(ProblemError) as error:
        read_file(path)
    assert render(error.value.problems, error.value.sources)
    return error.value.problems[0].code


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "fanout.yaml").write_text("seed: 1")
    (tmp_path / "wide.yaml").write_text("seed: 1", encoding="utf-16")
    (tmp_path / "latin.yaml").write_bytes("a: 1\nquestion: à la".encode("latin-1"))
    assert code_of(tmp_path) == "E111"
    assert code_of(tmp_path / "wide.yaml") == "E111"
    assert code_of(tmp_path / "nowhere" / "f.yaml") == "E110"
    assert code_of("a\0b") == "E110"
    assert code_of(tmp_path / ("x" * 5_000)) == "E111"
    with pytest.raises(ProblemError) as error:
        read_file(tmp_path / "fanuot.yaml")
    assert "fanout.yaml" in (error.value.problems[0].hint or "")
    with pytest.raises(ProblemError) as error:
        read_file(tmp_path / "latin.yaml")
    place = error.value.problems[0].place
    assert (place.line, place.column) == (2, 11)


def test_a_file_above_8_mib_is_not_even_read(tmp_path):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)
    begun = time.perf_counter()
    assert code_of(path) == "E112"
    assert time.perf_counter() - begun < 0.5


def test_an_endless_device_is_refused():
    assert code_of("/dev/zero") == "E112"


def test_standard_input_above_8_mib(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"#" * (MAX_TEXT + 1))))
    assert code_of("-") == "E112"


# --- bombs ----------------------------------------------------------------------------------------

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)
)


@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        (LAUGHS, "E116"),
        (MERGES, "E116"),
        ("[" * 2**20, "E116"),
        ("{" * 2**20, "E116"),
        ("- " * 2**20, "E116"),
        ("".join(" " * n + "a:\n" for n in range(3_000)), "E116"),
        ("a:\n" + "- 1\n" * 2**20, "E116"),
        ("a: [" + "1," * 2**20, "E116"),
        ("a: " + "x" * 2 * MAX_VALUE, "E112"),
        ("a: |\n" + "  some text\n" * 2**18, "E112"),
        ("a: '" + "x " * 2**20 + "'", "E112"),
        ("\n" * (MAX_TEXT - 1), "E117"),
        ("# comment\n" * 2**19 + "- a", "E117"),
        ("a" * (MAX_TEXT + 1), "E112"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_bombs_are_refused_soon(bomb, code):
    begun = time.process_time()
    assert [found for found, _ in refused(bomb)] == [code]
    assert time.process_time() - begun < 5


def test_the_limits_themselves_are_allowed():
    items = MAX_NODES - 3
    assert len(read_text("a: [" + "1," * items + "]", "f")["a"]) == items
    assert refused("a: [" + "1," * (items + 1) + "]")[0][0] == "E116"
    levels = MAX_DEPTH - 1
    assert read_text("a: " + "[" * levels + "]" * levels, "f")
    assert refused("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)[0][0] == "E116"


def test_aliases_count_as_what_they_repeat():
    hundred = "a: &a [" + "1," * 99 + "]\nb: [" + "*a,"
    assert read_text(hundred * 1 + "*a," * 190 + "]", "f")
    assert refused(hundred + "*a," * 200 + "]")[0][0] == "E116"


def test_aliases_cannot_nest_deeper_than_text():
    steps = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2 * MAX_DEPTH))
    assert refused("a0: &a0 [x]\n" + steps)[0][0] == "E116"


# --- any text at all ------------------------------------------------------------------------------

YAML_LIKE = st.lists(
    st.sampled_from(
        ["a", "b", ": ", ":", "- ", "\n", "\n  ", "\n    ", "\t", "[", "]", "{", "}", ",", "'", '"',
         "&a ", "*a", "<<", "!", "!!str ", "? ", "|\n", ">-\n", "#", "---\n", "...\n", "%YAML 1.1",
         "\\", "~", "é", "\u2028", "\x85", "\r", "\r\n", "\ufeff", "x-", "@", "`", "%", "  "]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(st.text() | YAML_LIKE)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_and_never_crashes(text):
    try:
        root = read_text(text, "f")
    except ProblemError as error:
        check_shown(error)
    else:
        assert isinstance(root, Mapping)


@given(st.binary() | YAML_LIKE.map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused_and_never_crash(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        read_file(path)
    except ProblemError as error:
        check_shown(error)


def events(text, loader):
    """What a loader makes of a text: its events with their marks, or its complaint."""
    try:
        return [
            (repr(e), e.start_mark.line, e.start_mark.column, e.end_mark.line, e.end_mark.column)
            for e in yaml.parse(text, Loader=loader)
        ]
    except yaml.MarkedYAMLError as error:
        return [(error.problem, error.problem_mark and error.problem_mark.index)]
    except (yaml.YAMLError, ValueError) as error:
        return [type(error)]


@given(YAML_LIKE.filter(lambda text: "\ufeff" not in text))
@settings(max_examples=300, deadline=None)
def test_the_faster_scanner_sees_what_pyyaml_sees(text):
    assert events(text, Loader) == events(text, yaml.SafeLoader)


NAMES = st.from_regex(r"[A-Za-wyz][A-Za-z0-9_]{0,6}", fullmatch=True)
TREES = st.recursive(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ./%-]{0,8}[A-Za-z0-9]", fullmatch=True),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, TREES, min_size=1, max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_pyyaml_writes_is_read_back_with_true_places(data, flow):
    text = yaml.safe_dump(data, default_flow_style=flow, default_style=None, width=10_000)
    root = read_text(text, "f")
    assert plain(root) == {**data}
    lines = text.splitlines()

    def check(node):
        if isinstance(node, Scalar):
            row = lines[node.place.line - 1]
            begun = node.place.column - 1
            assert row[begun : begun + node.place.length].strip("'\"") == node.text
        elif isinstance(node, Mapping):
            for key, value in node:
                check(key)
                check(value)
        else:
            for item in node:
                check(item)

    check(root)
