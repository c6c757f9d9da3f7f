"""A page as its reader's program takes it: elements in a tree, by the parser of the standard library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
RAW = frozenset({"script", "style"})


@dataclass
class Element:
    """One element, its attributes, and what it holds."""

    name: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Element]:
        """Yield it and all elements in it, in document order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child

    def all(self, name: str, **wanted: str) -> list[Element]:
        """Return the elements of a name with these attributes; a class is one of several."""
        return [each for each in self if each.name == name and each.has(wanted)]

    def one(self, name: str, **wanted: str) -> Element:
        (found,) = self.all(name, **wanted)
        return found

    def has(self, wanted: dict[str, str]) -> bool:
        return all(
            value in self.attributes.get("class", "").split()
            if key == "class_"
            else self.attributes.get(key.replace("_", "-")) == value
            for key, value in wanted.items()
        )

    @property
    def text(self) -> str:
        """The text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def words(self) -> str:
        """The words in it: where an element begins or ends, a word does."""
        pieces = (child if isinstance(child, str) else child.words for child in self.children)
        return " ".join(" ".join(pieces).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {})
        self.open = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} stands twice: {names}"
        made = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(made)
        if tag not in VOID:
            self.open = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.name == tag, f"</{tag}> where <{self.open.name}> is open"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def parse(data: bytes) -> Element:
    """Return the page; what is not closed, or closed and never opened, fails."""
    reader = _Reader()
    reader.feed(data.decode())
    reader.close()
    assert reader.open is reader.root, f"<{reader.open.name}> is never closed"
    return reader.root


def row(element: Element) -> list[str]:
    """Return the cells of a table's row as text."""
    return [
        cell.words for cell in element.children if isinstance(cell, Element) and cell.name in {"td", "th"}
    ]
