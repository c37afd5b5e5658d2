"""firehose.delivery_stream behind the Kinesis Producer Library: records are taken apart."""

from __future__ import annotations

import msgsim
from msgsim.experiment.result import to_plain

SCENARIO = """
duration: 3m
workload:
  - {name: Web, to: Clicks, rate: 500/s, from: 1s, until: 61s, size: 100B, keys: 40, kpl: true,
     attributes: {noise: {value: true, nth: 2}}}
resources:
  Clicks: {type: kinesis.stream, ShardCount: 1}
  Clean: {type: lambda.function, Timeout: 60, handler: {time: 1s}}
  Archive:
    type: firehose.delivery_stream
    DeliveryStreamType: KinesisStreamAsSource
    KinesisStreamSourceConfiguration: {KinesisStreamARN: Clicks}
    ExtendedS3DestinationConfiguration:
      BufferingHints: {SizeInMBs: 1, IntervalInSeconds: 30}
      ProcessingConfiguration:
        Processors:
          - {Type: Lambda, Parameters: [{ParameterName: LambdaArn, ParameterValue: Clean}]}
    transform: {drops_if: {noise: true}}
"""


def test_a_transformation_sees_each_message_of_an_aggregated_record() -> None:
    """One message of each key is dropped, and nothing else of the records they came in. Source:
    Firehose Developer Guide, writing-with-kinesis-streams (it takes aggregated records apart).
    """
    plain = to_plain(msgsim.run(msgsim.load_text(SCENARIO)))["runs"][0]
    row = plain["ledger"]["Archive"]
    assert row["published"] == 30_000
    assert plain["workloads"]["Web"]["calls"] < 1_000
    assert (row["filtered"], row["done"]) == (40, 29_960)
    assert row["sums"]


def test_the_bill_counts_the_messages_of_aggregated_records() -> None:
    """30,000 messages of 100 B are 30,000 times 5 KB, as if they had come one by one. Source:
    Firehose pricing, 5 KB for each record; a simplification where the records are aggregated.
    """
    cost = to_plain(msgsim.run(msgsim.load_text(SCENARIO)))["runs"][0]["cost"]
    (line,) = cost["components"]["Archive"]["lines"]
    assert line["units"] * 2**30 == 30_000 * 5_120
