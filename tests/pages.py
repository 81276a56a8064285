"""HTML as a browser takes it: its elements and their attributes, whatever texts stand between and in them."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

# Each of these makes another page of one that does not escape it, in a text, an attribute, a style or a link.
HOSTILE = (
    "<script>evil()</script>",
    "</title><evil>",
    "</style><evil>",
    "</svg><evil>",
    "<img src=x onerror=evil()>",
    '"><evil x="',
    "'><evil x='",
    '" onmouseover="evil()',
    "' onfocus='evil()",
    "<!--",
    "]]><evil>",
    "javascript:evil()",
    "[x](javascript:evil())",
    "&lt;evil&gt;",
)
# Attributes by which a page leaves itself.
_LEADING = ("href", "src", "action", "formaction", "xlink:href", "data", "srcdoc", "poster")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.skeleton: list[tuple[str, ...]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skeleton.append((tag, *(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in _LEADING]

    def handle_endtag(self, tag: str) -> None:
        self.skeleton.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.skeleton.append(("comment",))

    def unknown_decl(self, data: str) -> None:
        self.skeleton.append(("declaration",))


def skeleton(page: str) -> list[tuple[str, ...]]:
    """The elements of a page, each with the names of its attributes, as they begin and end."""
    return _read(page).skeleton


def links(page: str) -> list[str]:
    return _read(page).links


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def active(page: str) -> list[tuple[str, ...]]:
    """What a browser would run, or take from elsewhere; a page of ours has none of it."""
    tags = ("script", "iframe", "object", "embed", "base", "form", "img", "evil", "comment")
    found = [
        one for one in skeleton(page) if one[0] in tags or any(name.startswith("on") for name in one[1:])
    ]
    return found + [("link", one) for one in links(page) if not one.startswith(("/", "#", "http"))]


def require_trust_in_no_text(written: Callable[[str], str]) -> None:
    """Of a page that `written` makes with all its parts, in which each text from outside is the one given."""
    plain = skeleton(written("x"))

    @settings(max_examples=50)
    @given(st.text(alphabet="<>&\"'/=! -x;:\\[]()", min_size=1))
    def is_no_other(text: str) -> None:
        assert skeleton(written(text)) == plain, text

    is_no_other()
    for text in HOSTILE:
        assert skeleton(written(text)) == plain, text
        assert active(written(text)) == [], text
