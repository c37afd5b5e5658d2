"""From the text of a scenario to a wired simulation: reader, overrides, schema, checks, build."""
