"""A coverage-guided run: inputs that reach new code are kept, and changed further.

    python -m tests.hardness.guided --seconds 600

atheris (`pip install 'msgsim[fuzz]'`) instruments what reads scenarios and counts which branches an
input reaches. Changing bytes alone ends at the YAML parser; so most changes are made to the parsed
tree: a value, a key or a whole branch of another scenario is put elsewhere, and the tree is written
as YAML again. Whatever is valid is run for a moment as well. Each input has 20 s and 1 GiB.

Exit 1 if an input escaped; it is kept in `--keep`. The figures are printed at the end.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import yaml

LONGEST_S = 20
MOST_MIB = 1_024
LONGEST = 24_000
"""Characters of an input."""

MOST_EVENTS = 5_000
FROM_WHOLE = 0.4
"""Share of changes that begin with a scenario that is valid: most inputs worth keeping are not."""

INSTRUMENTED = ["msgsim.scenario", "msgsim.model", "msgsim.services", "msgsim.units",
                "msgsim.problems", "msgsim.experiment.grid", "msgsim.experiment.expect",
                "msgsim.experiment.judge", "msgsim.experiment.asking"]  # fmt: skip


def main() -> int:
    """Fuzz in a process of its own, which libFuzzer ends, and tell what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--inputs", type=int, default=-1, help="stop after so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default="guided-failures", metavar="DIR")
    parser.add_argument("--child", metavar="DIR", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        _fuzz(Path(given.child), given)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install 'msgsim[fuzz]'", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        arguments = [f"--seconds={given.seconds}", f"--inputs={given.inputs}",
                     f"--seed={given.seed}", f"--child={name}"]  # fmt: skip
        found = subprocess.run(
            [sys.executable, "-m", "tests.hardness.guided", *arguments], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", check=False,
        )  # fmt: skip
        return _tell(Path(name), found.returncode, found.stderr, Path(given.keep))


def _tell(folder: Path, code: int, said: str, keep: Path) -> int:
    try:
        counts = json.loads((folder / "counts.json").read_text())
    except FileNotFoundError:
        print(said[-2_000:], file=sys.stderr)
        return 1
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", said)
    if reached:
        first, last = reached[0], reached[-1]
        print(f"branches reached: {first[0]} by the first inputs, {last[0]} at the end")
        print(f"features: {first[1]}, then {last[1]}; inputs worth keeping: {last[2]}")
    print(f"{sum(counts['ended'].values())} inputs: {counts['ended']}")
    print(f"changed by: {counts['changed']}")
    escaped = [*folder.glob("escape-*"), *folder.glob("crash-*"), *folder.glob("timeout-*"),
               *folder.glob("oom-*")]  # fmt: skip
    for file in escaped:
        keep.mkdir(exist_ok=True)
        (keep / file.name).write_bytes(file.read_bytes())
        print(f"escaped: {keep / file.name}", file=sys.stderr)
    for place, times in counts["escapes"].items():
        print(f"  {times} × {place}", file=sys.stderr)
    if code and not escaped:
        print(said[-2_000:], file=sys.stderr)
    return 1 if escaped or code else 0


# In the child ------------------------------------------------------------------------------


def _fuzz(folder: Path, given: argparse.Namespace) -> None:
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        from msgsim.experiment.run import drive, prepare
        from msgsim.experiment.session import check_rules
        from msgsim.experiment.sweep import check_block
        from msgsim.scenario.load import load_text
        from msgsim.services import discover

        discover()
    from msgsim.kernel.simulation import BudgetExceeded
    from msgsim.problems import ProblemError, render
    from tests.hardness import mutants

    counts = Counts(folder)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, text in enumerate(mutants.corpus()):
        (corpus / f"{number:03}").write_text(text)

    def one(text: str) -> str:
        try:
            scenario = load_text(text, "guided.yaml")
            check_rules(scenario)
            check_block(scenario)
            drive(prepare(scenario), max_events=MOST_EVENTS, stop=lambda: True)
        except ProblemError as error:
            render(error.problems, error.sources)
            return "refused"
        except BudgetExceeded:
            return "stopped"
        return "run"

    def test_one_input(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        try:
            counts.ended[one(text)] += 1
        except Exception as error:
            counts.escaped(data, error)
        counts.write(every=20)

    def mutator(data: bytes, most: int, number: int) -> bytes:
        chance = Random(number)
        text = data.decode("utf-8", "replace")
        if chance.random() < FROM_WHOLE:
            text = chance.choice(mutants.corpus())
            data = text.encode()
        sort = chance.choice(("tree", "tree", "tree", "text", "bytes"))
        counts.changed[sort] += 1
        if sort == "bytes":
            return atheris.Mutate(data, most)
        if sort == "tree":
            text = changed_tree(text, chance) or chance.choice(mutants.MUTATIONS)(text, chance)
        else:
            text = chance.choice(mutants.MUTATIONS)(text, chance)
        return text.encode("utf-8", "replace")[:most]

    options = [
        f"-max_total_time={given.seconds}", f"-runs={given.inputs}", f"-seed={given.seed}",
        f"-max_len={LONGEST}", f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MIB}",
        f"-artifact_prefix={folder}/", "-len_control=0", "-print_final_stats=1",
    ]  # fmt: skip
    arguments = ["guided", *options, str(corpus)]
    atheris.Setup(arguments, test_one_input, custom_mutator=mutator)
    atheris.Fuzz()


class Counts:
    """How inputs ended, kept in a file: libFuzzer ends the process itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._since = 0
        self.ended: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.escapes: Counter[str] = Counter()

    def escaped(self, data: bytes, error: Exception) -> None:
        """Keep the first input that escaped at a place in the code."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        self.ended["escaped"] += 1
        self.escapes[place] += 1
        if self.escapes[place] == 1:
            (self._folder / f"escape-{len(self.escapes)}.yaml").write_bytes(data)
            self.write(every=1)

    def write(self, every: int) -> None:
        """Write the file, every so many calls."""
        self._since += 1
        if self._since >= every:
            self._since = 0
            content = {"ended": self.ended, "changed": self.changed, "escapes": self.escapes}
            (self._folder / "counts.json").write_text(json.dumps(content))


Place = tuple[Any, Any]
"""A container of the tree, and the key or index of one thing in it."""


def changed_tree(text: str, chance: Random) -> str | None:
    """Change a scenario's tree in one to three places; None where it is no tree.

    A number becomes a larger or smaller one; a value becomes a nasty one or that of another place
    of any scenario that comes along; a key is called like another one; an entry is left out, or put
    somewhere else as well.
    """
    try:
        return _changed(text, chance)
    except (RecursionError, ValueError, TypeError, yaml.YAMLError):
        return None  # aliases that bite their own tails, keys that are no keys


def _changed(text: str, chance: Random) -> str | None:
    from tests.hardness import mutants

    tree = _parsed(text)
    if not isinstance(tree, (dict, list)):
        return None
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            break
        container, at = chance.choice(places)
        what = chance.random()
        if what < 0.3:
            container[at] = _scaled(container[at], chance)
        elif what < 0.45:
            container[at] = _parsed(chance.choice(mutants.NASTY))
        elif what < 0.6:
            container[at] = _branch(chance)
        elif what < 0.7:
            del container[at]
        elif what < 0.85 and isinstance(container, dict):
            container[_key(chance, places)] = container.pop(at)
        else:
            elsewhere, there = chance.choice(places)
            container[at] = _copied(elsewhere[there]) if there in _keys(elsewhere) else None
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)


def _scaled(value: Any, chance: Random) -> Any:
    """Return a value with another number in it: `30s` becomes `300s`."""
    by = chance.choice(("0", "-1", "1", "2", "0.5", "7", "1000", "1000000", "{}0", "-{}", "{}.5"))
    changed = re.sub(r"\d+(?:\.\d+)?", lambda found: by.format(found[0]), str(value), count=1)
    return _parsed(changed) if changed != str(value) else value


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return text


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _keys(container: Any) -> Any:
    return container if isinstance(container, dict) else range(len(container))


def _places(tree: Any) -> Any:
    stack, seen = [tree], set()
    while stack:
        container = stack.pop()
        if id(container) in seen:
            continue
        seen.add(id(container))
        for at in _keys(container):
            yield container, at
            if isinstance(container[at], (dict, list)):
                stack.append(container[at])


def _branch(chance: Random) -> Any:
    """Return something from a scenario that comes along."""
    from tests.hardness import mutants

    places = list(_places(_parsed(chance.choice(mutants.corpus())) or {"x": 1}))
    container, at = chance.choice(places)
    return _copied(container[at])


def _key(chance: Random, places: list[Place]) -> Any:
    names = [at for container, at in places if isinstance(container, dict)]
    return chance.choice(names)


if __name__ == "__main__":
    sys.exit(main())
