"""Every documented rule of Lambda and its mapping for SQS has a test, or a row that says why not.

The rules are those of AWS's pages on SQS event source mappings and on asynchronous invocation,
concurrency and environments; conformance cases C09 to C11 (mapping) and 12 (SNS to Lambda).
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import msgsim

TESTS = Path(__file__).parent.parent
PACKAGE = Path(msgsim.__file__).parent
FUNCTION = PACKAGE / "services/lambda_function/lambda.function.md"
MAPPING = PACKAGE / "services/event_source_mapping/lambda.event_source_mapping.md"

SQS = "services/test_mapping_sqs.py"
SQS_FAILURES = "services/test_mapping_sqs_failures.py"
SQS_SCALING = "services/test_mapping_sqs_scaling.py"
SQS_REFUSALS = "services/test_mapping_sqs_refusals.py"
FILTERS = "services/test_mapping_filters.py"
REPORTS = "services/test_mapping_reports.py"
POLLERS = "services/test_mapping_provisioned.py"
FN = "services/test_lambda_function.py"
ENVIRONMENTS = "services/test_lambda_environments.py"
HANDLER = "services/test_lambda_handler.py"
ASYNC = "services/test_lambda_events.py"
CONCURRENCY = "services/test_lambda_concurrency.py"
EVENTS = "services/test_lambda_destinations.py"
KEYS = "services/test_lambda_idempotency.py"
CLOUD = "cloud/test_lambda.py"
CLOUD_SQS = "cloud/test_lambda_sqs.py"
CLOUD_FUNCTIONS = "cloud/test_lambda_functions.py"
TOPIC = "services/test_sns_conformance.py"

CASES = {
    "C09 a failed batch comes back after its visibility timeout": (
        SQS_FAILURES,
        "test_c09_a_failed_batch_comes_back_after_its_visibility_timeout",
    ),
    "C10 FIFO, partial reports, maxReceiveCount 2": (
        SQS_FAILURES,
        "test_c10_fifo_reports_leave_exactly_what_was_listed",
    ),
    "C11 the ramp from 5 to 1,250": (SQS_SCALING, "test_c11_the_ramp_to_1250"),
    "12 SNS to Lambda, function error": (TOPIC, "test_case_12_lambda_function_error"),
    "12 the on-failure record": (
        EVENTS,
        "test_s12_a_function_error_runs_at_0_60_and_180_and_leaves_one_record",
    ),
}

RULES = {
    # Mapping of a queue: parameters.
    "ranges of the parameters": (SQS_REFUSALS, "test_values_out_of_range_are_refused"),
    "window above batch size 10, none on FIFO, timeouts": (SQS_REFUSALS, "test_findings"),
    "same queue and function twice": (SQS_REFUSALS, "test_a_queue_is_mapped_to_a_function_once"),
    "bad patterns": (FILTERS, "test_patterns_that_aws_refuses"),
    "refusals of the API": (CLOUD_SQS, "test_mappings_that_aws_refuses"),
    # Polling and batching.
    "a receive of up to ten is a batch": (SQS, "test_a_message_is_received_processed_and_deleted"),
    "window, batch size": (SQS, "test_a_window_gathers_what_is_there_up_to_the_batch_size"),
    "6 MB with metadata": (SQS, "test_a_batch_holds_at_most_6_mb"),
    "20 s at very low traffic": (
        POLLERS,
        "test_at_very_low_traffic_a_short_window_takes_twenty_seconds",
    ),
    "30 messages, two invocations": (
        SQS,
        "test_a_window_gathers_what_is_there_up_to_the_batch_size",
    ),
    "record shape": (CLOUD_SQS, "test_a_mapping_brings_messages_in_the_shape_of_aws"),
    "a batch size is a ceiling": (SQS, "test_q9_a_batch_size_is_a_ceiling"),
    # Scaling.
    "two idle pollers": (
        SQS_SCALING,
        "test_idle_pollers_go_down_to_two_and_come_back_with_the_first_message",
    ),
    "five with MaximumConcurrency": (
        SQS_SCALING,
        "test_with_maximum_concurrency_five_pollers_stay",
    ),
    "60 per minute before 2023": (SQS_SCALING, "test_q8_a_burst_is_limited_by_the_ramp"),
    "FIFO: active groups": (SQS_SCALING, "test_fifo_concurrency_is_the_number_of_active_groups"),
    "FIFO: never two of a group": (CLOUD_SQS, "test_one_group_never_runs_twice_at_once"),
    # Maximum and reserved concurrency.
    "MaximumConcurrency stops reading": (
        SQS_SCALING,
        "test_q7_maximum_concurrency_limits_the_pollers_instead",
    ),
    "over-pull under reserved concurrency": (
        SQS_SCALING,
        "test_q7_reserved_concurrency_sends_untouched_messages_to_the_dead_letter_queue",
    ),
    # Failures.
    "errors lower the concurrency, reports do not": (
        SQS_SCALING,
        "test_failures_lower_the_concurrency_and_reports_do_not",
    ),
    "throttles inside the visibility timeout": (
        SQS,
        "test_a_throttled_batch_is_forgotten_when_its_timeout_ends",
    ),
    "a whole batch fails by default": (
        SQS_FAILURES,
        "test_q5_without_partial_reports_healthy_messages_suffer",
    ),
    "a valid list": (SQS_FAILURES, "test_q5_partial_reports_isolate_the_poison"),
    "empty reports": (REPORTS, "test_an_empty_report_is_a_success"),
    "malformed reports": (REPORTS, "test_a_malformed_report_fails_the_whole_batch"),
    "reports end to end": (CLOUD_SQS, "test_partial_reports_in_all_their_cases"),
    "FIFO reports": (SQS_FAILURES, "test_q5_fifo_reports_keep_order_only_if_the_handler_stops"),
    "reports nobody reads": (SQS_FAILURES, "test_an_unread_report_deletes_failed_messages"),
    # Filters, provisioned mode, idle cost, metrics.
    "grammar of filters": (FILTERS, "test_patterns"),
    "what does not match is deleted": (
        FILTERS,
        "test_what_does_not_match_is_deleted_and_invokes_nothing",
    ),
    "10 invocations of a poller": (POLLERS, "test_a_poller_carries_ten_invocations"),
    "10 receives/s of a poller": (POLLERS, "test_a_poller_receives_ten_times_a_second"),
    "1 MB/s of a poller": (POLLERS, "test_a_poller_carries_one_megabyte_per_second"),
    "+1,000 per minute": (
        POLLERS,
        "test_provisioned_pollers_grow_by_a_thousand_invocations_a_minute",
    ),
    "scale down to the minimum": (POLLERS, "test_provisioned_pollers_shrink_to_the_minimum"),
    "exclusive with MaximumConcurrency": (
        POLLERS,
        "test_provisioned_mode_and_maximum_concurrency_exclude_each_other",
    ),
    "idle polls are billed": (POLLERS, "test_idle_polling_is_billed"),
    "event counts": (REPORTS, "test_events_are_counted_as_cloudwatch_counts_them"),
    # Asynchronous invocation.
    "1 and 2 minutes": (ASYNC, "test_function_errors_are_retried_after_one_and_two_minutes"),
    "throttles back off": (ASYNC, "test_throttled_events_are_retried_with_growing_pauses"),
    "maximum age": (ASYNC, "test_an_event_that_is_too_old_goes_to_the_dead_letter_queue"),
    "reserved 0": (ASYNC, "test_reserved_zero_sends_events_straight_to_the_dead_letter_queue"),
    "system errors are retried": (ASYNC, "test_events_wait_out_an_outage"),
    "destinations": (EVENTS, "test_topics_and_functions_are_destinations_too"),
    "FIFO targets": (EVENTS, "test_fifo_destinations_are_refused"),
    "failed destinations": (EVENTS, "test_a_destination_that_refuses_is_a_failure_of_its_own"),
    "1 MB": (EVENTS, "test_an_event_above_one_megabyte_is_refused"),
    "events run twice": (EVENTS, "test_a_finished_event_may_run_again_without_an_error"),
    # Concurrency and environments.
    "account pool": (FN, "test_two_functions_share_the_account"),
    "reserved is a guarantee and a cap": (
        FN,
        "test_reserved_concurrency_is_a_cap_and_its_loss_is_erlang_b",
    ),
    "100 stay unreserved": (CLOUD_FUNCTIONS, "test_reserved_and_provisioned_concurrency"),
    "1,000 environments per 10 s": (FN, "test_new_environments_are_rationed_per_function"),
    "10 requests/s per unit": (
        CONCURRENCY,
        "test_synchronous_requests_are_limited_to_ten_times_the_concurrency",
    ),
    "allocation of provisioned concurrency": (
        CONCURRENCY,
        "test_allocation_takes_one_to_two_minutes_and_is_all_or_nothing",
    ),
    "spill-over": (
        CONCURRENCY,
        "test_provisioned_environments_are_never_cold_and_the_rest_spills_over",
    ),
    "provisioned within reserved": (CONCURRENCY, "test_provisioned_above_reserved_is_refused"),
    "vCPU by memory": (CONCURRENCY, "test_the_cpu_grows_with_memory"),
    "throttle reasons": (CLOUD, "test_throttles_tell_the_reason"),
    "cold starts by runtime": (ENVIRONMENTS, "test_the_runtime_decides_the_cold_start"),
    "first calls by memory": (CONCURRENCY, "test_a_first_call_of_dotnet_is_as_long_as_measured"),
    "most recently used first, idle expiry": (
        ENVIRONMENTS,
        "test_the_environment_used_last_is_used_next_and_idle_ones_end",
    ),
    "maximum age of environments": (
        ENVIRONMENTS,
        "test_an_environment_ends_after_hours_even_when_it_is_in_use",
    ),
    "P(cold) as measured": (ENVIRONMENTS, "test_rare_invocations_are_cold_as_measured"),
    "reset after a time-out": (
        HANDLER,
        "test_a_handler_ends_at_its_timeout_and_its_environment_starts_anew",
    ),
    # Idempotency.
    "the race for a key": (KEYS, "test_two_executions_at_once_race_for_the_key"),
}

NOT_MODELLED = {
    "queue in another account": MAPPING,
    "a visibility timeout raised to window + timeout + 30 s": MAPPING,
    "duplicates without an error": MAPPING,
    "recursive-loop detection": FUNCTION,
    "initialisation above 10 s": FUNCTION,
    "destinations EventBridge and S3": FUNCTION,
    "a record above 256 KB to a topic": FUNCTION,
    "SnapStart": FUNCTION,
    "Application Auto Scaling": FUNCTION,
}


def names_in(name: str) -> set[str]:
    tree = ast.parse((TESTS / name).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("rule", [*CASES, *RULES])
def test_every_case_and_rule_has_its_test(rule: str) -> None:
    """A case without its test, or under another name, is noticed here."""
    name, test = (CASES | RULES)[rule]
    assert test in names_in(name)


@pytest.mark.parametrize("rule", NOT_MODELLED)
def test_what_is_not_modelled_is_listed_with_its_reason(rule: str) -> None:
    """A row of the page's table that names the rule, says so, and gives a reason."""
    lines = NOT_MODELLED[rule].read_text("utf-8").splitlines()
    row = next(line for line in lines if line.startswith("|") and rule in line)
    state, note = (cell.strip() for cell in row.strip("|").split("|")[1:3])
    assert state in ("not modelled", "simplified") and note


def test_no_case_is_missing() -> None:
    """The mapping's cases are C09, C10 and C11; SNS's case on Lambda is 12."""
    assert {case.split()[0] for case in CASES} == {"C09", "C10", "C11", "12"}
