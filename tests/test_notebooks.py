"""The notebooks: kept without outputs, run from top to bottom, exercises that know what is wrong.

Each notebook is executed once, with a cell inserted before each exercise that hands in the wrong
answer its metadata names.
"""

from __future__ import annotations

import os
import re
import time
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
HIDDEN = {"check", "facts", "solution"}
WORK = ("ms.run(", "ms.Cloud(", "cloud.advance(")
ABSOLUTE = re.compile(r"""(?:^|[\s"'(=])(?:/(?:home|Users|root|tmp|var|work|opt)/|[A-Z]:\\)""")
FORBIDDEN = (
    "multiprocessing",
    "concurrent.futures",
    "joblib",
    "jobs=",
    "pyplot",
    "requests",
    "urllib",
)
SECONDS = 20

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def kind(cell):
    tags = cell.metadata.get("tags", [])
    return tags[0] if tags else cell.cell_type


def batched(cells):
    return zip(cells[::3], cells[1::3], cells[2::3], strict=True)


def texts(notebook, *kinds):
    return [cell.source for cell in notebook.cells if kind(cell) in kinds]


def test_it_is_kept_without_outputs_and_valid(path):
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None, cell.id
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_it_opens_with_a_question_and_what_is_learnt(path):
    first = read(path).cells[0].source
    assert first.startswith(f"# {path.stem[:2]} · ")
    question = next(part for part in first.split("\n\n") if part.startswith("**The question.**"))
    assert "?" in question
    assert "**Afterwards you can**" in first and re.search(r"About \d\d minutes", first)


def test_it_stands_in_the_index_with_its_title(path):
    title = read(path).cells[0].source.splitlines()[0].removeprefix("# ").partition(" · ")[2]
    assert f"[{title}]({path.name})" in (FOLDER / "README.md").read_text("utf-8")


def test_links_to_neighbours_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)#]+)\)", "\n".join(texts(read(path), "markdown"))):
        assert link.startswith("https://") or (FOLDER / link).is_file(), link


def test_every_run_is_predicted_first(path):
    """A prediction that comes after its run, or never, teaches nothing."""
    kinds = [kind(cell) for cell in read(path).cells if kind(cell) in {"predict", "run"}]
    assert kinds and kinds[0] == "predict"
    assert all(before == "predict" for before, now in pairwise(kinds) if now == "run")
    assert kinds.count("predict") == kinds.count("run")


def test_nothing_runs_outside_the_cells_that_are_predicted(path):
    for text in texts(read(path), "code", "predict"):
        outside = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
        assert not any(word in outside for word in WORK), text


def test_guesses_and_answers_are_left_to_the_learner(path):
    notebook = read(path)
    for text in texts(notebook, "predict"):
        assert "lesson.predict(" in text and "=..." in text.replace(" ", "")
    for text in texts(notebook, "exercise"):
        assert "(..." in text


def test_every_prediction_is_compared_and_every_run_has_its_facts_checked(path):
    notebook = read(path)
    assert all("guess.compare(" in text for text in texts(notebook, "run"))
    kinds = [kind(cell) for cell in notebook.cells]
    sections = "".join(f"<{each}>" for each in kinds).split("<run>")[1:]
    assert all("<facts>" in section.partition("<predict>")[0] for section in sections)
    assert all("assert " in text for text in texts(notebook, "facts"))


def test_exercises_have_a_check_and_a_collapsed_solution(path):
    cells = [cell for cell in read(path).cells if kind(cell) in {"check", "exercise", "solution"}]
    kinds = [kind(cell) for cell in cells]
    assert len(kinds) >= 6 and kinds == ["check", "exercise", "solution"] * (len(kinds) // 3)
    for check, exercise, solution in batched(cells):
        name = re.search(r"def (\w+)\(", check.source)[1]
        assert exercise.source.startswith(f"{name}(...")
        assert exercise.metadata.msgsim.wrong.startswith(f"{name}(")
        assert f"assert {name}(" in solution.source
    for cell in read(path).cells:
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert hidden == (kind(cell) in HIDDEN), cell.id


def test_it_needs_no_paths_processes_or_network(path):
    for cell in read(path).cells:
        assert not ABSOLUTE.search(cell.source), cell.id
        if cell.cell_type == "code":
            assert not any(word in cell.source for word in FORBIDDEN), cell.id


@pytest.mark.slow
def test_it_runs_and_its_exercises_tell_right_from_wrong(path, monkeypatch, record_property):
    from nbclient import NotebookClient

    notebook = read(path)
    cells, wrong = [], 0
    for cell in notebook.cells:
        if kind(cell) == "exercise":
            answer = cell.metadata.msgsim.wrong
            cells.append(nbformat.v4.new_code_cell(f"assert not ({answer}), 'accepted'"))
            wrong += 1
        cells.append(cell)
    notebook.cells = cells
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    begun = time.perf_counter()
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": FOLDER}}
    )
    client.execute()
    seconds = time.perf_counter() - begun
    record_property("seconds", round(seconds, 1))
    print(f"{path.stem}: {seconds:.1f} s, {SECONDS} s on an idle machine is the aim")
    assert wrong >= 2
    pictures = sum("image/png" in each.get("data", {}) for each in outputs(notebook))
    assert pictures >= 2


def outputs(notebook):
    for cell in notebook.cells:
        yield from cell.get("outputs", [])
