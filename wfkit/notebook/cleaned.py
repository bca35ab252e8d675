"""Cleaned: the one place where HTML of a user's value is made harmless before a page sees it."""

from __future__ import annotations

from typing import Final

_TABLES: Final = {"table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td"}
_BLOCKS: Final = {"div", "p", "pre", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "hr", "details", "summary"}
_HEADINGS: Final = {"h1", "h2", "h3", "h4", "h5", "h6"}
_WORDS: Final = {"b", "br", "code", "em", "i", "img", "kbd", "mark", "small", "span", "strong", "sub", "sup", "u"}
_TAGS: Final = _TABLES | _BLOCKS | _HEADINGS | _WORDS
#: No link, since a click would leave the frame and tell somebody; no `id`, no `name`, nothing that acts.
_ATTRIBUTES: Final = {
    "*": {"style", "title", "align", "valign"},
    "img": {"src", "alt", "width", "height"},
    "table": {"border"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "details": {"open"},
}
_STYLES: Final = {
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-left",
    "border-right",
    "border-spacing",
    "border-top",
    "color",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "margin",
    "max-width",
    "min-width",
    "opacity",
    "padding",
    "text-align",
    "text-decoration",
    "vertical-align",
    "white-space",
    "width",
}
#: Taken out with what is in them.
_GONE: Final = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "textarea", "select"}


def cleaned(html: str) -> str | None:
    """HTML that shows something and does nothing; None where nothing of it is left, or nothing here can clean it.

    Parameters
    ----------
    html : str
        Anything.
    """
    try:
        import nh3
    except ImportError:
        return None  # never unclean
    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_GONE,
        attributes=_ATTRIBUTES,
        url_schemes={"data"},
        url_relative="deny",
        link_rel=None,
        filter_style_properties=_STYLES,
    )
    return clean if "<img src" in clean or nh3.clean(clean, tags=set()).strip() else None
