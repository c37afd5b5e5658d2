"""What a scenario is: its sections as specs, its parts, and the frozen value made of them."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from msgsim.model.spec import Bool, Duration, Plain, Positive, Spec, String, Text, Whole
from msgsim.problems import Place, Problems
from msgsim.scenario.tree import Mapping, Node, Scalar

FORMAT_VERSION = 1
DEFAULT_SEED = 1


class Account(Spec):
    """What holds for the whole AWS account and Region of a scenario."""

    Region: String = "us-east-1"
    ConcurrentExecutions: Positive = 1_000
    FreeTier: Bool = False


class Header(Spec):
    """The scalar sections."""

    msgsim: Whole = FORMAT_VERSION
    question: String = ""
    seed: Whole = DEFAULT_SEED
    duration: Annotated[Duration, Field(examples=["10m"])]
    warm_up: Duration = 0
    replications: Positive = 1
    account: Account = Account()
    sweep: Plain = None
    lesson: Plain = None


class RuleSpec(Spec):
    """The long form of an expectation."""

    that: Annotated[String, Field(examples=["Billing.lost == 0"])]
    level: String = "fail"
    because: String = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation, as written.

    Attributes:
        text: the rule.
        soft: True for `level: warn`: reported, but never the reason to fail.
        because: why it matters.
        place: where it stands.
    """

    text: str
    soft: bool
    because: str
    place: Place


@dataclass(frozen=True, slots=True)
class Part:
    """One component of the system.

    Attributes:
        name: its logical name.
        kind: its type.
        spec: what it is like.
        node: what the user wrote of it.
        place: where problems of the whole are shown: its name, or its entry in a list.
    """

    name: str
    kind: str
    spec: Spec
    node: Node
    place: Place


@dataclass(frozen=True)
class Scenario:
    """The validated, frozen description of one system, workload and question.

    Attributes:
        file: name it was read from.
        base_path: folder that relative file names start from.
        tree: what the user wrote, with overrides applied.
        header: seed, duration and the other scalar sections.
        parts: resources, workloads, faults and actions by name, in order.
        rules: the expectations.
        assumptions: overrides of labelled assumptions, by kind and name.
        variants: variant name → paths and the nodes to put there.
        warnings: advice found while reading.
        sources: text of every file, for error messages.
    """

    file: str
    base_path: Path
    tree: Mapping
    header: Header
    parts: dict[str, Part]
    rules: tuple[Rule, ...]
    assumptions: dict[str, dict[str, Any]]
    variants: dict[str, tuple[tuple[Scalar, Node], ...]]
    warnings: Problems = field(default_factory=Problems)
    sources: MappingOf[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        stem = Path(self.file).name
        return stem.removesuffix(".yaml").removesuffix(".yml").removesuffix(".msgsim")

    @property
    def seed(self) -> int:
        """The seed of its random draws."""
        return self.header.seed

    @property
    def duration_ns(self) -> int:
        """How long a run lasts."""
        return self.header.duration

    @property
    def question(self) -> str:
        """The question the scenario answers."""
        return " ".join(self.header.question.split())

    def specs(self) -> dict[str, Spec]:
        """Return all specs by name."""
        return {part.name: part.spec for part in self.parts.values()}

    def of_section(self, section: str) -> list[Part]:
        """Return the parts of one section, such as `resources`."""
        return [part for part in self.parts.values() if section_of(part.kind) == section]

    def replace(self, path: str, value: object) -> Scenario:
        """Return a copy with the value at `path` replaced, as `--set PATH=VALUE` does.

        Raises:
            ProblemError: the path does not exist, or the result is not valid.
        """
        from msgsim.scenario.load import replaced

        return replaced(self, path, value)

    def __repr__(self) -> str:
        from msgsim.scenario.topology import topology_text

        head = f"<Scenario {self.name}: {len(self.of_section('resources'))} resources>"
        return f"{head}\n{topology_text(self)}"


def section_of(kind: str) -> str:
    """Return the section in which parts of a kind are written."""
    if kind.partition(".")[0] == "action":
        return "actions"
    return {"workload": "workload", "fault": "faults"}.get(kind, "resources")


def as_text(value: Any) -> Any:
    """Wrap plain values the way the text pass would, for specs made in code."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_text(item) for item in value]
    if value is None or isinstance(value, (bool, BaseModel)):
        return value
    return Text(str(value))
