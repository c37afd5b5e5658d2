"""No network at run time: every verb, ms.Cloud and all modules where sockets are refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgsim
from msgsim.cli import app
from tests.experiment.tiny import tiny

ROOT = Path(msgsim.__file__).parents[1]

REFUSING = """
import json, socket, sys

asked = []
def refuse(event, arguments):
    if event == "socket.__new__" and arguments[1] != getattr(socket, "AF_UNIX", None) or event in {
        "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
        "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request",
    }:
        asked.append(f"{event} {arguments[1:]}")
        raise PermissionError("the network is out of bounds")
sys.addaudithook(refuse)
"""
TRIED = """
codes = {}
from msgsim.cli import main
for line in json.loads(sys.argv[1]):
    try:
        main(line)
    except SystemExit as left:
        codes[" ".join(line)] = left.code
"""
CALLED = """
import importlib, pkgutil
import msgsim as ms
cloud = ms.Cloud()
sqs, sns = cloud.client("sqs"), cloud.client("sns")
url = sqs.create_queue(QueueName="Q")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["QueueArn"]
topic = sns.create_topic(Name="T")["TopicArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
sns.publish(TopicArn=topic, Message="hello")
cloud.advance("1m")
received = len(sqs.receive_message(QueueUrl=url).get("Messages", []))
imported = 0
for module in pkgutil.walk_packages(ms.__path__, "msgsim."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        imported += 1
"""
NOTEBOOKS = """
for line in json.loads(sys.argv[2]):
    exec(line)
"""
HOOKED = """
before = list(asked)
try:
    socket.create_connection(("127.0.0.1", 9))
except PermissionError:
    pass
print(json.dumps([codes, received, imported, before, len(asked) - len(before)]))
"""

LINES = [
    ["run", "tiny.yaml", "--check", "--repeat-check", "--json", "r.json", "--report", "r.html",
     "--save", "r.msgsim", "--junit", "r.xml", "--markdown", "r.md",
     "--trace", "t.json", "--trace-format", "otlp", "--metrics", "m.csv", "-q"],
    ["validate", "tiny.yaml"],
    ["explain", "sqs.queue"],
    ["explain", "tiny.yaml", "--slowest", "1"],
    ["report", "r.msgsim", "--out", "again.html"],
    ["replay", "r.msgsim", "--out", "replay.html"],
    ["compare", "tiny.yaml", "r.msgsim", "--replications", "2"],
    ["sweep", "tiny.yaml", "--set", "Workers.workers=2,3", "--jobs", "1", "--out", "s"],
    ["fuzz", "--count", "1"],
    ["lab"],
    ["list"],
    ["new", "mine.yaml"],
    ["schema"],
]  # fmt: skip


def imports() -> list[str]:
    """Return what the notebooks import."""
    found = set()
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(file.read_text("utf-8"))["cells"]:
            lines = "".join(cell["source"]).splitlines() if cell["cell_type"] == "code" else []
            found |= {line for line in lines if line.startswith(("import ", "from "))}
    return sorted(found)


def test_nothing_asks_for_the_network(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(tiny(duration="5s"))
    assert "import msgsim as ms" in imports()
    found = subprocess.run(
        [sys.executable, "-c", REFUSING + TRIED + CALLED + NOTEBOOKS + HOOKED, json.dumps(LINES),
         json.dumps(imports())],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    codes, received, imported, asked, noticed = json.loads(found.stdout.splitlines()[-1])

    assert asked == []
    assert noticed > 0, "the hook refuses nothing"
    assert {line: code for line, code in codes.items() if code not in (0, None)} == {}
    assert (len(codes), received) == (len(LINES), 1)
    assert imported > 300
    for name in ("r.json", "r.html", "r.msgsim", "t.json", "m.csv", "again.html", "s"):
        assert (tmp_path / name).exists(), name


def test_every_verb_is_tried() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {line[0] for line in LINES} == names
