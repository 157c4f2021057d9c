"""Taking turns, where not everything fits: what is loud hides nothing else. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from typing import TypeVar

T = TypeVar("T")


def in_turns(items: Iterable[T], of: Callable[[T], object]) -> list[T]:
    """Return all items: the first of each group, then the second of each; groups in the order of their first item.

    Args:
        items: in any order, which stays that of each group.
        of: the group of an item.
    """
    groups: defaultdict[object, list[tuple[T]]] = defaultdict(list)
    for item in items:
        groups[of(item)].append((item,))
    return [found[0] for found in chain.from_iterable(zip_longest(*groups.values())) if found is not None]
