"""Amazon Kinesis Data Streams: streams, their shards and readers."""
