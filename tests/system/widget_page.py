"""A bare page that runs the built widget against a real FlowView: a host without Jupyter, on loopback."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from wfkit.notebook.view import SCRIPT, FlowView, WatchedRun

_PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>bare page</title>
<style>
  body { margin: 24px; font: 14px system-ui, sans-serif; background: #fff; color: #222; }
  body.dark { background: #111418; color: #ddd; }
  body.lab { --jp-layout-color1: #fff; --jp-ui-font-color1: rgba(0, 0, 0, 0.87); --jp-brand-color1: #1976d2; }
  body.lab-dark { background: #111; --jp-layout-color1: #111; --jp-ui-font-color1: rgba(255, 255, 255, 1);
    --jp-brand-color1: #2196f3; }
</style>
<body><div id="out"></div>
<script type="module">
  import widget from "/widget.js";
  const listeners = [];
  window.sent = [];
  const model = {
    get: (name) => window.traits?.[name],
    on: (name, callback) => { if (name === "msg:custom") listeners.push(callback); },
    off: () => {},
    send: (content) => {
      if (window.broken) throw new Error("the comm is closed");
      window.sent.push(content);
      if (!window.offline) void fetch("/send", { method: "POST", body: JSON.stringify(content) });
    },
  };
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
  let next = 0;
  const poll = async () => {
    try {
      const answer = await fetch(`/messages?after=${next}`);
      for (const { content, buffers } of await answer.json()) {
        next += 1;
        if (window.offline || window.drop?.(content)) continue;
        for (const listen of listeners) listen(content, buffers.map(bytes));
      }
    } catch { await new Promise((done) => setTimeout(done, 200)); }
    void poll();
  };
  void poll();
  const made = typeof widget === "function" ? await widget() : widget;
  if (location.hash !== "#bare") await made.initialize?.({ model });
  const out = document.getElementById("out");
  const inside = () => out.attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
  const el = location.hash === "#shadow" ? inside() : out;
  const show = () => made.render({ model, el });
  window.cleanup = await show();
  window.another = () => void made.render({ model, el: document.body.appendChild(document.createElement("div")) });
  window.again = async () => { window.cleanup(); window.cleanup = await show(); };
  window.ready = true;
</script></body></html>
"""


class PageView(FlowView):
    """A view whose messages go to a page instead of a comm."""

    def __init__(self, run: WatchedRun) -> None:
        self.said: list[dict[str, object]] = []
        self.news = threading.Condition()
        super().__init__(run)

    def send(self, content: Any, buffers: Any = None) -> None:
        parts = [base64.b64encode(part).decode() for part in buffers or []]
        with self.news:
            self.said.append({"content": json.loads(json.dumps(content)), "buffers": parts})
            self.news.notify_all()

    def after(self, number: int) -> list[dict[str, object]]:
        with self.news:
            self.news.wait_for(lambda: len(self.said) > number, timeout=1.0)
            return self.said[number:]


@dataclass
class Page:
    """The address of a served view, and its parts."""

    url: str
    view: PageView
    requests: list[str] = field(default_factory=list)  #: paths that a browser asked for


@contextmanager
def served(run: WatchedRun) -> Iterator[Page]:
    """Serve a page with a live view of the run until the block ends."""
    assert SCRIPT.exists(), "the widget is not built: run `npm ci && npm run build` in labextension/"
    view = PageView(run)
    page = Page("", view)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = urlsplit(self.path)
            page.requests.append(target.path)
            match target.path:
                case "/":
                    self._reply("text/html", _PAGE.encode())
                case "/widget.js":
                    self._reply("text/javascript", SCRIPT.read_bytes())
                case "/messages":
                    after = int(parse_qs(target.query)["after"][0])
                    self._reply("application/json", json.dumps(view.after(after)).encode())
                case _:
                    self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            view._handle_custom_msg(json.loads(body), [])
            self._reply("application/json", b"{}")

        def _reply(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # the page was left while it waited for news
                self.wfile.write(body)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    page.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        view.close()


def opened(tab: Tab, host: Page) -> Tab:
    tab.goto(host.url)
    tab.wait_for_function("window.ready")
    expect(tab.locator(".wf-header")).to_be_visible()
    return tab


def assert_apart(tab: Tab) -> None:
    boxes = tab.locator(".wf-card").evaluate_all("cards => cards.map(card => card.getBoundingClientRect().toJSON())")
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            beside = a["right"] <= b["left"] or b["right"] <= a["left"]
            assert beside or a["bottom"] <= b["top"] or b["bottom"] <= a["top"]


def row(tab: Tab, name: str) -> Any:
    return tab.locator(f'[role="treegrid"] [data-wfkit-node="{name}"]')
