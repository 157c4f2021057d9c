"""A page taken apart by the parser that comes with Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = frozenset({"meta", "br", "link", "img", "input", "hr", "rect", "path"})
_INLINE = frozenset({"a", "code", "strong", "time"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parts: list[Element | str] = field(default_factory=list)

    @property
    def children(self) -> list[Element]:
        return [part for part in self.parts if isinstance(part, Element)]

    def all(self, *tags: str) -> Iterator[Element]:
        for child in self.children:
            if not tags or child.tag in tags:
                yield child
            yield from child.all(*tags)

    @property
    def text(self) -> str:
        """What is read, in the order of reading."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        yield "" if self.tag in _INLINE else " "
        for part in self.parts:
            if isinstance(part, str):
                yield part
            elif part.tag != "style":
                yield from part._texts()

    def with_id(self, name: str) -> Element:
        [found] = [one for one in self.all() if one.attributes.get("id") == name]
        return found

    def section(self, title: str) -> Element:
        [found] = [one for one in self.all("section") if one.attributes["aria-labelledby"] == title]
        return found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.path = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.path[-1].parts.append(element)
        if tag not in _EMPTY:
            self.path.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.path[-1].parts.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.path[-1].tag == tag, f"</{tag}> ends <{self.path[-1].tag}>"
        self.path.pop()

    def handle_data(self, data: str) -> None:
        self.path[-1].parts.append(data)


def parse(page: str) -> Element:
    """Return a page as a tree; every element that is opened is closed, in order."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert parser.path == [parser.root]
    return parser.root
