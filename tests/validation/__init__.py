"""msgsim beside published measurements: what was measured, what it gives, and within what bounds."""
