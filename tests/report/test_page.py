"""The page: one file, blocks in their order, hostile names as text; and seen by a browser."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

import msgsim
from msgsim.bundled import scenario_names, scenario_path
from msgsim.experiment.result import to_plain
from msgsim.problems import ProblemError
from msgsim.report.page import BUDGET, page, replay_page
from msgsim.report.page.lean import Sheet, lean, path
from msgsim.report.page.topology import topology
from msgsim.scenario.load import load_text

ORDER = ["answer", "expect", "map", "ledger", "replay", "flow", "queue", "concurrency", "twins",
         "latency", "order", "twice", "shards", "cost", "lives", "honesty", "appendix"]  # fmt: skip

HOSTILE = """
msgsim: 1
question: Is <script>alert(1)</script> only text?
duration: 20s
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 2}
  W: {type: worker.fleet, queue: Q, workers: 1, handler: {time: 3s}}
workload:
  - {name: S, to: Q, rate: 1/s, keys: {'</script><script>alert(4)</script>': 100%}}
expect:
  - {that: total.lost == 0, because: '<img src=x onerror=alert(5)>'}
"""


@cache
def made(name: str) -> str:
    results = msgsim.run(msgsim.load(scenario_path(name)))
    return page(results, to_plain(results), f"msgsim run {name}")


@cache
def hostile() -> str:
    results = msgsim.run(load_text(HOSTILE))
    return page(results, to_plain(results), "msgsim run <b>")


class Elements(HTMLParser):
    """Collects elements, their ids, and what they would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.sections: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "section":
            self.sections.append(found["id"])
        for name in ("src", "srcset", "poster", "data", "action", "background"):
            if name in found:
                self.loads.append(found[name])
        if tag in {"link", "image", "iframe", "use"}:
            self.loads.append(found.get("href", ""))


@pytest.mark.parametrize("name", ["fanout", "standard_vs_fifo", "poison_message"])
def test_a_page_has_its_blocks_in_order_and_loads_nothing(name):
    found = Elements(made(name))
    known = [one for one in found.sections if one in ORDER]
    assert known == sorted(known, key=ORDER.index)
    assert {"answer", "expect", "map", "ledger", "replay", "flow", "latency", "honesty"} <= set(
        known
    )
    assert all(one.startswith("#") for one in found.loads)
    assert "@import" not in made(name)
    assert not re.search(r"url\((?!#)", made(name))
    assert len(found.ids) == len(set(found.ids))


def test_a_page_can_be_mailed():
    assert len(made("fanout").encode()) < BUDGET


def test_names_from_a_scenario_are_text():
    text = hostile()
    found = Elements(text)
    assert found.tags.count("script") == 2
    assert "img" not in found.tags
    assert "alert(1)" in text


def test_the_data_of_a_page_is_json_that_cannot_leave_its_element():
    element = re.search(r'<script type="application/json" id="data">(.*?)</script>', hostile())
    data = json.loads(element[1])
    assert "<" not in element[1]
    assert data["stages"][0]["film"]["messages"][0][1] == "</script><script>alert(4)</script>"


def test_the_same_run_gives_the_same_page():
    results = msgsim.run(msgsim.load(scenario_path("poison_message")))
    again = page(results, to_plain(results), "msgsim run poison_message")
    texts = [
        re.sub(r'simulated in [\d.]+ s|"run_s":[\d.e-]+', "", text)
        for text in (again, made("poison_message"))
    ]
    assert texts[0] == texts[1]


def test_a_page_of_the_player_alone_is_small():
    results = msgsim.run(msgsim.load(scenario_path("poison_message")))
    text = replay_page(results, to_plain(results), "msgsim replay poison_message")
    assert Elements(text).sections == ["answer", "replay"]
    assert len(text) < 250_000


def test_boxes_stand_right_of_what_feeds_them():
    shape = topology(msgsim.load(scenario_path("fanout")))
    columns = {name: place[0] for name, place in shape.places.items()}
    assert columns["Shop"] < columns["Orders"] < columns["Billing"] < columns["BillingFn"]
    assert len(set(shape.places.values())) == len(shape.places)
    for arrow in shape.arrows:
        assert columns[arrow.source] < columns[arrow.target]


def test_a_loop_has_a_layout():
    """Two dead-letter queues may be each other's."""
    text = """
msgsim: 1
duration: 1s
resources:
  A: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: B, maxReceiveCount: 1}}
  B: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: A, maxReceiveCount: 1}}
workload:
  - {to: A, rate: 1/s}
"""
    shape = topology(load_text(text))
    assert len(set(shape.places.values())) == 3


def test_a_path_keeps_its_shape_when_it_becomes_small():
    """Relative steps of a tenth of a point add up to the same corners."""
    data = path("M 10.04 20.06 \nL 30.55 20.06 \nL 30.55 5.5 \nL 10.04 20.06 \nz\n")
    assert data == "M10 20.1h20.6v-14.6l-20.6 14.6z"
    assert path("M 0 0 C 1 2.345 3 4 5 6") == "M 0 0 C 1 2.3 3 4 5 6"


def test_colours_of_a_figure_become_those_of_the_page():
    sheet = Sheet()
    svg = '<svg><path d="M 0 0 L 1 1" style="fill: #222222"/><path style="fill: #222222"/></svg>'
    text = lean(svg, "f1-", sheet, "a <figure>")
    assert text.count('class="s0"') == 2
    assert sheet.css() == ".fig .s0{fill: var(--ink)}"
    assert 'aria-label="a &lt;figure&gt;"' in text


# In a browser ------------------------------------------------------------------------------------

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


class Seen:
    """A page in the browser, with what it asked for and complained of."""

    def __init__(self, browser, file: Path, fragment: str = "", **options) -> None:
        self.page = browser.new_page(viewport={"width": 1200, "height": 900}, **options)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(file.as_uri() + fragment)


@pytest.mark.browser
@pytest.mark.parametrize("name", scenario_names())
def test_the_page_of_every_scenario_opens_in_a_browser(name, chromium, tmp_path):
    """No complaint, no request but the file itself, small enough, every block there."""
    file = tmp_path / "report.html"
    file.write_text(made(name), encoding="utf-8")
    seen = Seen(chromium, file)
    assert seen.page.locator("#player svg").count() >= 1
    for block in ("answer", "map", "ledger", "replay", "honesty", "appendix"):
        assert seen.page.locator(f"#{block}").is_visible()
    seen.page.locator("svg.map .arrow").last.dispatch_event("click")
    assert seen.page.locator(".panel:visible").count() == 1
    if seen.page.locator("details.life").count():
        seen.page.locator("details.life summary").first.click()
        assert seen.page.locator(".waterfall:visible .hop").count() >= 2
    assert seen.complaints == []
    assert seen.requests == [file.as_uri()]
    assert file.stat().st_size < BUDGET


@pytest.mark.browser
def test_a_link_opens_at_its_moment_and_a_click_follows_a_message(chromium, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(made("poison_message"), encoding="utf-8")
    seen = Seen(chromium, file, "#t=70&msg=9&pause")
    assert seen.page.locator(".clock").inner_text() == "70.00 s"
    assert seen.page.evaluate("Replay.chosen") == 8
    assert seen.page.locator(".biography tr").count() >= 3
    seen.page.locator(".r-dot").first.dispatch_event("click")
    assert seen.page.evaluate("Replay.chosen") != 8
    assert seen.complaints == []


@pytest.mark.browser
def test_the_player_works_by_keyboard(chromium, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(made("poison_message"), encoding="utf-8")
    seen = Seen(chromium, file)
    before = seen.page.evaluate("Replay.now")
    seen.page.keyboard.press("ArrowRight")
    stepped = seen.page.evaluate("Replay.now")
    assert stepped > before
    seen.page.keyboard.press("ArrowLeft")
    assert seen.page.evaluate("Replay.now") == before
    seen.page.keyboard.press(" ")
    seen.page.wait_for_timeout(400)
    assert seen.page.evaluate("Replay.now") > before
    seen.page.locator("svg.map .box").first.focus()
    seen.page.keyboard.press("Enter")
    assert seen.page.locator(".panel:visible").count() == 1
    assert seen.complaints == []


@pytest.mark.browser
def test_with_reduced_motion_the_player_steps(chromium, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(made("poison_message"), encoding="utf-8")
    seen = Seen(chromium, file, reduced_motion="reduce")
    seen.page.keyboard.press(" ")
    seen.page.wait_for_timeout(1300)
    times = seen.page.evaluate("Replay.now")
    assert times > 0
    assert seen.complaints == []


@pytest.mark.browser
def test_hostile_names_do_nothing_in_a_browser(chromium, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(hostile(), encoding="utf-8")
    seen = Seen(chromium, file)
    seen.page.locator("svg.map .box").first.click()
    seen.page.keyboard.press("ArrowRight")
    seen.page.wait_for_timeout(100)
    assert seen.complaints == []
    assert "<img src=x onerror=alert(5)>" in seen.page.locator("#expect").inner_text()
    seen.page.locator(".r-dot").first.dispatch_event("click")
    assert "</script><script>alert(4)</script>" in seen.page.locator("h4").last.inner_text()


def test_a_resource_cannot_be_called_like_markup():
    with pytest.raises(ProblemError, match="cannot be a name"):
        load_text(HOSTILE.replace("  Q: ", "  '<script>': "))


@pytest.mark.browser
@pytest.mark.parametrize("duration", ["2s", "2d"])
def test_short_and_long_runs_have_charts(duration, chromium, tmp_path):
    text = f"""
msgsim: 1
question: Do charts suit the length?
duration: {duration}
resources:
  Q: {{type: sqs.queue}}
  W: {{type: worker.fleet, queue: Q, workers: 2, handler: {{time: 100ms}}}}
workload:
  - {{to: Q, rate: {"20/s" if duration == "2s" else "20/h"}}}
"""
    results = msgsim.run(load_text(text))
    file = tmp_path / "report.html"
    file.write_text(page(results, to_plain(results), "msgsim run x"), encoding="utf-8")
    seen = Seen(chromium, file)
    axis = seen.page.locator("#queue svg").first.text_content()
    assert ("simulated time (s)" if duration == "2s" else "simulated time (h)") in axis
    assert seen.complaints == []
