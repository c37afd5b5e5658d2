"""Floor 5: from one run to a claim."""
