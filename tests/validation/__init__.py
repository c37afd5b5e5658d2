"""msgsim beside published measurements: what was measured, what it gives, within what bounds."""
