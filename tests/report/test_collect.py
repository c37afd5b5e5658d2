"""What figures are drawn from agrees with the summary."""

from __future__ import annotations

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment.result import to_plain
from msgsim.report.collect import pictured


def test_a_course_knows_what_happened_at_the_very_end() -> None:
    """Q7 dead-letters messages at the last instant: the title counts them, as the summary does."""
    results = msgsim.run(msgsim.load(scenario_path("q07")))
    plain = to_plain(results)
    run = pictured(results.firsts()[plain["runs"][0]["variant"]])
    depth = plain["runs"][0]["queues"]["OrdersDlq"]["visible"]
    assert depth["max"] > max(depth["course"]["max"])
    assert run.queues["OrdersDlq"].visible.peak == depth["max"]
