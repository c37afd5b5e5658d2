"""Lists in pages, as `MaxResults` and `NextToken` cut them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def page(
    name: str, items: Sequence[Any], parameters: Mapping[str, Any], most: int
) -> dict[str, Any]:
    """Return one page of a list.

    Args:
        name: the member of the response that holds it.
        items: the whole list.
        parameters: of the call, where `NextToken` is the index at which this page begins.
        most: items on a page where `MaxResults` asks for no fewer.
    """
    token = str(parameters.get("NextToken", "0"))
    start = int(token) if token.isdecimal() else 0
    end = start + min(most, parameters.get("MaxResults", most))
    found: dict[str, Any] = {name: list(items[start:end])}
    if end < len(items):
        found["NextToken"] = str(end)
    return found
