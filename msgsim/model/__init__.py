"""Floor 2: the words every service shares: messages, ports, specs, services, the catalogue."""
