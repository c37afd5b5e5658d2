"""The architecture, held: imports go one way, and libraries stay where they belong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "msgsim"
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"units", "problems", "bundled", "files", "version"},
    {"kernel"},
    {"model"},
    {"services", "observe"},
    {"scenario"},
    {"experiment", "cloud"},
    {"report"},
    {"cli", "commands", "__init__", "__main__"},
]
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
SIDE_BY_SIDE = [{"services", "observe"}, {"experiment", "cloud"}]

HOME_OF = {
    "simpy": ("kernel/",),
    "pydantic": ("model/spec.py", "scenario/", "services/"),
    "pydantic_core": ("model/spec.py", "scenario/", "services/"),
    "matplotlib": ("report/",),
    "rich": ("report/", "cli", "commands"),
    "typer": ("cli", "commands/"),
    "click": ("cli", "commands/"),
}
ONLY_IN_FUNCTIONS = {"scipy", "joblib"}

NO_HIDDEN_TIME_OR_CHANCE = ("kernel/", "model/", "services/", "observe/")
HIDDEN_MODULES = {"random", "uuid", "secrets", "time"}
HIDDEN_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom"}
SEEDED_NUMPY = {"Generator", "SeedSequence", "BitGenerator", "PCG64", "PCG64DXSM", "Philox"}


def where(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def floor_of(module: str) -> str:
    """`msgsim.kernel.waiting` → `kernel`; `cli`, `cli_run` and `cli/` are all the command line."""
    name = ([*module.split("."), "__init__"])[1]
    return "cli" if name.startswith("cli_") else name


def module_of(file: Path) -> str:
    return ".".join(("msgsim", *file.relative_to(PACKAGE).with_suffix("").parts))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield every imported name in full; `from a import b` is `a.b` where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written out in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if is_module(full) else str(node.module)


def is_module(name: str) -> bool:
    base = PACKAGE.parent.joinpath(*name.split("."))
    return base.is_dir() or base.with_suffix(".py").is_file()


def dotted(node: ast.AST) -> str:
    """`datetime.datetime.now` as text; empty for anything else than names and dots."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements that run when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from outside_functions(node)


def floors(file: Path, tree: ast.AST) -> Iterator[str]:
    here = floor_of(module_of(file))
    for name in imported(tree):
        if name.split(".")[0] != "msgsim":
            continue
        there = floor_of(name)
        if HEIGHT[there] > HEIGHT[here]:
            yield f"may not look up at {name}"
        elif here != there and {here, there} in SIDE_BY_SIDE:
            yield f"may not look sideways at {name}"


def siblings(file: Path, tree: ast.AST) -> Iterator[str]:
    package, floor, *service = module_of(file).split(".")
    if floor == "services" and len(service) > 1:
        for name in imported(tree):
            other = name.split(".")
            if other[:2] == [package, floor] and other[2:3] != service[:1]:
                yield f"must meet {name} through model.ports"


def libraries(file: Path, tree: ast.AST) -> Iterator[str]:
    for name in imported(tree):
        homes = HOME_OF.get(name.split(".")[0])
        if homes is not None and not where(file).startswith(homes):
            yield f"{name} belongs in {homes}"


def heavy_libraries(file: Path, tree: ast.AST) -> Iterator[str]:
    for node in outside_functions(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in imported(node):
                if name.split(".")[0] in ONLY_IN_FUNCTIONS:
                    yield f"{name} is slow to import: do it in the function that needs it"


def hidden_time_and_chance(file: Path, tree: ast.AST) -> Iterator[str]:
    if not where(file).startswith(NO_HIDDEN_TIME_OR_CHANCE):
        return
    for name in imported(tree):
        if name.split(".")[0] in HIDDEN_MODULES:
            yield f"imports {name}: use sim.now and named samplers"
    for node in ast.walk(tree):
        path = dotted(node).split(".")
        numpy_random = path[:2] in (["np", "random"], ["numpy", "random"]) and len(path) > 2
        if ".".join(path[-2:]) in HIDDEN_CALLS or (numpy_random and path[2] not in SEEDED_NUMPY):
            yield f"{'.'.join(path)}: use sim.now and named samplers"


def test_every_file_has_a_floor():
    assert not [where(file) for file in FILES if floor_of(module_of(file)) not in HEIGHT]


@pytest.mark.parametrize(
    "rule", [floors, siblings, libraries, heavy_libraries, hidden_time_and_chance]
)
def test_the_architecture_holds(rule):
    found = []
    for file in FILES:
        tree = ast.parse(file.read_text("utf-8"))
        found.extend(f"msgsim/{where(file)} {problem}" for problem in rule(file, tree))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "file", "text"),
    [
        (floors, "kernel/a.py", "from msgsim.model import spec"),
        (floors, "kernel/a.py", "import msgsim"),
        (floors, "services/a/b.py", "from msgsim.observe import tables"),
        (siblings, "services/sns/b.py", "from msgsim.services import sqs_queue"),
        (libraries, "model/a.py", "import simpy"),
        (heavy_libraries, "experiment/a.py", "if True:\n    from scipy import stats"),
        (hidden_time_and_chance, "model/a.py", "def f():\n    import time"),
        (hidden_time_and_chance, "model/a.py", "import datetime as d\nd.datetime.now()"),
        (hidden_time_and_chance, "model/a.py", "x = np.random.default_rng()"),
    ],
)
def test_the_rules_can_fail(rule, file, text):
    """A checker that finds nothing anywhere proves nothing."""
    assert list(rule(PACKAGE / file, ast.parse(text)))


@pytest.mark.parametrize(
    ("rule", "file", "text"),
    [
        (floors, "model/a.py", "from msgsim.kernel.waiting import Slots\nfrom msgsim import units"),
        (siblings, "services/sns/b.py", "from msgsim.services.sns import filter_match"),
        (libraries, "cli_run.py", "import typer"),
        (heavy_libraries, "experiment/a.py", "def f():\n    from scipy import stats"),
        (hidden_time_and_chance, "model/a.py", "def f(rng: np.random.Generator): ..."),
        (hidden_time_and_chance, "experiment/a.py", "import time"),
    ],
)
def test_the_rules_can_pass(rule, file, text):
    assert not list(rule(PACKAGE / file, ast.parse(text)))
