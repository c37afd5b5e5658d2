"""What verbs share that tell of a run afterwards: which run, which messages, which file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgsim.problems import Problem, ProblemError, did_you_mean, quote, register

register(
    "E177", "nothing to tell about", "No such message, group, shard or variant, or no such moment."
)
register(
    "E178",
    "no such sample of messages",
    "A share, slowest:20, most-received:20 or dead-lettered:20.",
)

KINDS = {"slowest": "slowest", "most-received": "most_received", "dead-lettered": "dead_lettered"}
FORMATS = ("events", "perfetto", "otlp", "xray", "cloudtrail")


def nothing(message: str, wrong: str = "", known: Any = (), hint: str = "") -> ProblemError:
    """Return an error about something that is not there, with a guess at what was meant."""
    names = list(known)
    guess = did_you_mean(wrong, names) if wrong else None
    if guess:
        hint = f"did you mean {guess}?"
    elif names and not hint:
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        hint = f"known: {shown}"
    return ProblemError([Problem("E177", message, None, hint or None)])


def told_of(results: Any) -> dict[str, Any]:
    """Return the first replication of every variant, to be run again."""
    from msgsim.experiment.retell import Told

    return {
        name: Told(results.variants[name], kept.seed, kept.replication)
        for name, kept in results.firsts().items()
    }


def told_by_name(what: str, sets: list[str], seed: int | None) -> dict[str, Any]:
    """Return the runs of a saved result or of a scenario, by variant."""
    from msgsim.commands._shared import find_scenario
    from msgsim.experiment.retell import Told
    from msgsim.experiment.saved import is_saved, read
    from msgsim.scenario.load import load, variants_of

    if is_saved(what):
        if sets or seed is not None:
            message = "a saved result has its own values and seed"
            hint = "leave --set and --seed out, or name the scenario"
            raise ProblemError([Problem("E172", message, None, hint)])
        return told_of(read(what))
    scenario = load(find_scenario(what), sets)
    return {name: Told(each, seed) for name, each in variants_of(scenario).items()}


def chosen_variant(runs: dict[str, Any], variant: str | None) -> dict[str, Any]:
    """Return one of the variants, or all of them."""
    if variant is None:
        return runs
    if variant not in runs:
        known = [name for name in runs if name]
        raise nothing(f"there is no variant {quote(variant)}", variant, known, "it has no variants")
    return {variant: runs[variant]}


def check_sample(text: str | None) -> None:
    """Refuse a sample that cannot be read, before anything runs."""
    if text is not None:
        _sample(text)


def choice_of(text: str | None, told: Any) -> Any:
    """Return which messages a sample such as `1%` or `slowest:20` is about."""
    from msgsim.experiment.retell import interesting
    from msgsim.observe.trace import chosen, sampled

    if text is None:
        return None
    kind, amount = _sample(text)
    if kind is None:
        return sampled(amount)
    return chosen(interesting(told, int(amount)).numbers(KINDS[kind]))


def _sample(text: str) -> tuple[str | None, float]:
    from msgsim import units

    kind, colon, count = text.partition(":")
    if not colon and kind not in KINDS:
        try:
            share = units.share(text)
        except ValueError:
            pass
        else:
            if share > 0:
                return None, share
            message = f"a sample of {quote(text)} is empty"
            hint = "such as 1% or slowest:20, or leave --trace out"
            raise ProblemError([Problem("E178", message, None, hint)])
    count = count or "5"
    if kind in KINDS and count.isdecimal() and 1 <= int(count) <= 100_000:
        return kind, float(count)
    guess = did_you_mean(kind, KINDS)
    hint = f"did you mean {guess}:20?" if guess and guess != kind else "such as 1% or slowest:20"
    raise ProblemError([Problem("E178", f"{quote(text)} is no sample of messages", None, hint)])


def check_format(form: str) -> None:
    """Refuse a format of traces that does not exist."""
    if form not in FORMATS:
        guess = did_you_mean(form, FORMATS)
        hint = f"did you mean {guess}?" if guess else f"formats: {', '.join(FORMATS)}"
        raise ProblemError([Problem("E172", f"no trace format {quote(form)}", None, hint)])


def file_of(path: str, variant: str, several: bool) -> str:
    """Return the file of one variant: as named, or with the variant before its ending."""
    if not several:
        return path
    target = Path(path)
    return str(target.with_name(f"{target.stem}-{_harmless(variant)}{target.suffix}"))


def _harmless(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
