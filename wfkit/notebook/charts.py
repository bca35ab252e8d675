"""Charts: Bokeh figures that a cell shows by themselves, offline and in a saved notebook too; text in a terminal."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from gzip import compress
from html import escape
from typing import Any, Final

import bokeh
from bokeh.core.has_props import Local
from bokeh.embed.util import OutputDocumentFor, standalone_docs_json
from bokeh.plotting import figure
from bokeh.resources import Resources

_MARGIN_PX: Final = 24  #: below the figure
#: A page of its own, since hosts of notebooks load BokehJS each in another way, or not at all; packed, since a notebook
#: that is saved holds it once a chart. Base64 needs no escapes, whatever a user calls his tasks.
_PAGE: Final = """\
<!doctype html><meta charset="utf-8"><style>body{{margin:0}}</style><div id="chart"></div><script type="module">
async function unpacked(text) {{
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}}
const script = document.createElement("script");
script.textContent = await unpacked("{script}");
document.head.append(script);
await Bokeh.embed.embed_item(JSON.parse(await unpacked("{item}")), "chart");
</script>"""
#: What is below the frame is seen where frames are not: in a notebook that is not trusted, and on GitHub.
_HTML: Final = (
    '<div style="position:relative;min-height:{height}px"><p>{text}</p><iframe title="{text}" srcdoc="{page}" '
    'sandbox="allow-scripts allow-downloads" style="position:absolute;inset:0;width:100%;height:100%;border:0;'
    'background:#fff"></iframe></div>'
)


class Chart(figure, Local):
    """A Bokeh figure; as the last value of a cell it is drawn in its output.

    `bokeh.io.show`, `save` and whatever else takes a figure take it too.
    """

    __view_model__ = "Figure"  # what BokehJS knows it as
    __view_module__ = "bokeh.plotting.figure"

    def __repr__(self) -> str:
        return f"<{self._headline()}: `bokeh.io.show` draws it in a browser>"

    __str__ = __repr__

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """For whatever shows it: a page inside the page, and text."""
        # `json_item` would leave the figure in a document, so that no other one could take it
        with OutputDocumentFor([self], always_new=True):
            (document,) = standalone_docs_json([self]).values()
        item = {"root_id": self.id, "doc": document, "version": bokeh.__version__}
        page = _PAGE.format(script=_bokeh_js(), item=_packed(json.dumps(item)))
        html = _HTML.format(height=(self.height or 0) + _MARGIN_PX, text=escape(self._headline()), page=escape(page))
        return {"text/plain": repr(self), "text/html": html}

    def _headline(self) -> str:
        title: Any = self.title
        return " ".join(title.text.split())


@cache
def _bokeh_js() -> str:
    """The part of the installed BokehJS that draws figures."""
    return _packed("\n".join(Resources(mode="inline", components=["bokeh"]).js_raw))


def _packed(text: str) -> str:
    return b64encode(compress(text.encode())).decode()
