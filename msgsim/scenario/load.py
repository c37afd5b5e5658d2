"""From text to a validated scenario: every problem of every pass at once."""

from __future__ import annotations

import os
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from pathlib import Path

import yaml

from msgsim.bundled import scenario_path
from msgsim.problems import ProblemError, Problems
from msgsim.scenario.checks import check_references, check_sense, check_services, unique_names
from msgsim.scenario.overrides import (
    SET_FILE,
    apply_override,
    apply_override_node,
    apply_sets,
    set_source,
)
from msgsim.scenario.reader import STDIN, read_file, read_text
from msgsim.scenario.schema import Account, Scenario
from msgsim.scenario.shape import Shape
from msgsim.scenario.tree import Mapping, Node, Scalar


def load(path: str | os.PathLike[str], overrides: SequenceOf[str] = ()) -> Scenario:
    """Read and validate the scenario at `path` (`-` is standard input).

    Args:
        path: the file, or else the name of a bundled scenario, such as `q07`.
        overrides: texts `PATH=VALUE`, applied in order before validation.

    Raises:
        ProblemError: with everything that is wrong, and where.
    """
    path = _bundled(path)
    tree, text = read_file(path)
    file = STDIN if os.fspath(path) == "-" else os.fspath(path)
    base = Path.cwd() if file == STDIN else Path(file).resolve().parent
    return _scenario(tree, text, file, base, overrides)


def _bundled(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    name = os.fspath(path)
    if name == "-" or name.endswith((".yaml", ".yml")) or os.path.exists(name):
        return path
    try:
        return scenario_path(name)
    except KeyError:
        return path  # reading it says that there is no such file


def load_text(
    text: str,
    file: str = "<text>",
    overrides: SequenceOf[str] = (),
    base_path: str | os.PathLike[str] | None = None,
) -> Scenario:
    """Validate a scenario given as text; see `load`."""
    base = Path(base_path) if base_path is not None else Path.cwd()
    return _scenario(read_text(text, file), text, file, base, overrides)


def _scenario(
    tree: Mapping, text: str, file: str, base: Path, overrides: SequenceOf[str]
) -> Scenario:
    sources = {file: text}
    if overrides:
        sources[SET_FILE] = set_source(overrides)
        try:
            tree = apply_sets(tree, overrides)
        except ProblemError as error:
            raise ProblemError(error.problems, {**sources, **error.sources}) from None
    return from_tree(tree, file, base, sources)


def from_tree(tree: Mapping, file: str, base: Path, sources: dict[str, str]) -> Scenario:
    """Validate a tree; raises `ProblemError` with all that is wrong."""
    problems = Problems()
    shape = Shape(tree, problems)
    shape.sections()
    header = shape.header()
    listed = [
        *shape.resources(),
        *shape.listed("workload", "workload"),
        *shape.listed("faults", "fault"),
        *shape.listed("actions", None),
    ]
    parts = unique_names(listed, problems)
    rules = shape.rules()
    assumptions = shape.assumptions()
    variants = shape.variants()
    whole = not problems.errors
    if shape.has_resources():
        sound = check_references(parts, shape.declared(), problems)
        account = Account() if header is None else header.account
        check_services(parts, sound, account, problems, advise=not problems.errors)
    if whole:
        check_sense(parts, header.duration if header is not None else 0, problems)
    problems.raise_if_errors(sources)
    assert header is not None
    return Scenario(
        file, base, tree, header, parts, rules, assumptions, variants, problems, sources
    )


def variants_of(scenario: Scenario) -> dict[str, Scenario]:
    """Return each variant as a scenario of its own; without variants, the scenario itself.

    Raises:
        ProblemError: a variant's path does not exist, or its result is not valid.
    """
    if not scenario.variants:
        return {"": scenario}
    found = {}
    problems = Problems()
    for name, changes in scenario.variants.items():
        try:
            found[name] = _variant(scenario, changes)
        except ProblemError as error:
            problems.extend(_in_variant(error, name))
    problems.raise_if_errors(scenario.sources)
    return found


def _variant(scenario: Scenario, changes: tuple[tuple[Scalar, Node], ...]) -> Scenario:
    tree = scenario.tree
    for path, node in changes:
        tree = apply_override_node(tree, path.text, node, path.place)
    return from_tree(tree, scenario.file, scenario.base_path, dict(scenario.sources))


def _in_variant(error: ProblemError, name: str) -> Problems:
    renamed = Problems()
    renamed.extend(
        replace(problem, message=f"variant {name}: {problem.message}") for problem in error.problems
    )
    return renamed


def replaced(scenario: Scenario, path: str, value: object) -> Scenario:
    """Return the scenario with the value at `path` replaced (the Python face of `--set`)."""
    tree = apply_override(scenario.tree, f"{path}={_yaml(value)}")
    return from_tree(tree, scenario.file, scenario.base_path, dict(scenario.sources))


def _yaml(value: object) -> str:
    if isinstance(value, str):
        return value
    return (
        yaml.safe_dump(value, default_flow_style=True, sort_keys=False)
        .removesuffix("...\n")
        .strip()
    )
