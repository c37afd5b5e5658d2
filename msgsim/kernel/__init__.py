"""Floor 1: discrete-event simulation on SimPy; nothing here has heard of AWS."""
