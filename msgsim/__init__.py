"""msgsim: simulate AWS messaging before you deploy it.

The names below are the public API; nothing else is promised. They are imported when first used,
so that `import msgsim` costs nothing.

    import msgsim as ms

    scenario = ms.load("scenarios/fanout.yaml")
    results = ms.run(scenario.replace("Billing.VisibilityTimeout", 60))
    print(results)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgsim.version import __version__

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud as Cloud
    from msgsim.experiment import theory as theory
    from msgsim.experiment.results import Results as Results
    from msgsim.experiment.saved import read as read
    from msgsim.experiment.session import run_all as run
    from msgsim.problems import ProblemError as ProblemError
    from msgsim.scenario.load import load, load_text
    from msgsim.scenario.schema import Scenario as Scenario

_HOMES = {
    "Cloud": ("msgsim.cloud.cloud", "Cloud"),
    "ProblemError": ("msgsim.problems", "ProblemError"),
    "Results": ("msgsim.experiment.results", "Results"),
    "Scenario": ("msgsim.scenario.schema", "Scenario"),
    "load": ("msgsim.scenario.load", "load"),
    "load_text": ("msgsim.scenario.load", "load_text"),
    "read": ("msgsim.experiment.saved", "read"),
    "run": ("msgsim.experiment.session", "run_all"),
    "theory": ("msgsim.experiment.theory", ""),
}

__all__ = [
    "Cloud",
    "ProblemError",
    "Results",
    "Scenario",
    "__version__",
    "load",
    "load_text",
    "read",
    "run",
    "theory",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'msgsim' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted(__all__)
