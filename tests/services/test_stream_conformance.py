"""The conformance cases of stream mappings and Firehose each have a test of their name."""

from __future__ import annotations

import pytest

from tests.services import test_firehose, test_mapping_kinesis

CASES = {
    "c11": (test_mapping_kinesis, 1),
    "c12": (test_mapping_kinesis, 2),
    "c13": (test_firehose, 2),
}
"""Case → where its tests are, and how many sentences of it need one."""


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_its_tests(case: str) -> None:
    module, sentences = CASES[case]
    found = [name for name in vars(module) if name.startswith(f"test_{case}_")]
    assert len(found) == sentences
