"""The scenarios that come with msgsim: found by name, from a checkout and from a wheel alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
LABS = "labs/"


def scenario_folder() -> Path:
    """Return the folder of the bundled scenarios and of the traces they replay.

    In a checkout that is `scenarios/` beside the package, where a user edits them; an installed
    wheel carries a copy inside the package.
    """
    top = _PACKAGE.parent
    # Site-packages may hold a stranger's `scenarios`; only a checkout has our project file as well.
    if (top / "pyproject.toml").is_file() and (top / "scenarios").is_dir():
        return top / "scenarios"
    return _PACKAGE / "_scenarios"


def scenario_names() -> list[str]:
    """Return the names of all bundled scenarios: `fanout` and its like, then `questions/q07`."""
    return sorted(_by_name(), key=lambda name: ("/" in name, name))


def scenario_path(name: str) -> Path:
    """Return the file of a bundled scenario.

    A name may end in `.yaml`, and may leave out its folder where that is clear: `q07` is
    `questions/q07`.

    Raises:
        KeyError: no bundled scenario has this name, or several share it.
    """
    files = _by_name()
    wanted = name.removesuffix(".yaml")
    if wanted in files:
        return files[wanted]
    matches = [path for known, path in files.items() if known.endswith(f"/{wanted}")]
    if len(matches) != 1 or "/" in wanted:
        raise KeyError(name)
    return matches[0]


def short_name(name: str) -> str:
    """Return the shortest name that `scenario_path` understands: `q07` for `questions/q07`."""
    last = name.rpartition("/")[2]
    same = [each for each in _by_name() if each.rpartition("/")[2] == last]
    return last if len(same) == 1 else name


def is_lab(name: str) -> bool:
    """Say whether a bundled scenario is a lab, to be repaired."""
    return name.startswith(LABS)


def lab_number(name: str) -> str:
    """Return the number by which a lab is called: `03` for `labs/03_regions`."""
    return name.removeprefix(LABS).partition("_")[0]


def lab_name(word: str) -> str:
    """Return the name of a lab: by its number (`3`, `03`), or by what follows it.

    Raises:
        KeyError: there is no such lab.
    """
    labs = [name for name in _by_name() if is_lab(name)]
    wanted = word.removesuffix(".yaml").removeprefix(LABS)
    for name in labs:
        number, _, title = name.removeprefix(LABS).partition("_")
        if wanted in (f"{number}_{title}", title) or wanted.zfill(len(number)) == number:
            return name
    raise KeyError(word)


def _by_name() -> dict[str, Path]:
    folder = scenario_folder()
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.yaml")
    }
