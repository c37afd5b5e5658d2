"""What a formula refuses: inputs outside its domain, and stations that never come to rest."""

from __future__ import annotations

from math import isfinite


def positive(**values: float) -> None:
    """Refuse anything that is not a finite number above 0.

    Raises:
        ValueError: with the name and the value.
    """
    for name, value in values.items():
        if not (isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a number above 0, got {value!r}")


def at_least_zero(**values: float) -> None:
    """Refuse anything that is not a finite number of at least 0.

    Raises:
        ValueError: with the name and the value.
    """
    for name, value in values.items():
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a number of at least 0, got {value!r}")


def whole(**values: int) -> None:
    """Refuse anything that is not a whole number of at least 1.

    Raises:
        ValueError: with the name and the value.
    """
    for name, value in values.items():
        if isinstance(value, bool) or value != int(value) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def share(**values: float) -> None:
    """Refuse anything that is not at least 0 and below 1.

    Raises:
        ValueError: with the name and the value.
    """
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {value!r}")


def stable(utilisation: float) -> None:
    """Refuse a station that gets as much work as it can do, or more: its line grows for ever.

    Raises:
        ValueError: with the utilisation.
    """
    if utilisation >= 1:
        raise ValueError(
            f"the station is not stable: its utilisation would be {utilisation:.4g}, and every "
            "waiting time is infinite from 1 on; lower arrival_rate, or add servers or speed"
        )
