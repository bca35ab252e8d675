"""The screen: a real browser without a display shows a live view; messages go through a websocket, as in Jupyter."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import CDPSession, Page, sync_playwright
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from typing_extensions import override

from wfkit.notebook.view import SCRIPT, FlowView, WatchedRun

CHROMIUM: Final = os.environ.get("WFKIT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
)
_SIZE: Final = (1180, 760)

#: A host for the widget: buffers are views into what the socket brought, as in Jupyter; `show` renders the view, and
#: `shown` are the times of the first picture.
_PAGE: Final = """\
<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>screen</title>
<style>body { margin: 16px; font: 14px system-ui, sans-serif; background: #fff; }</style>
<body><div id="out"></div><script type="module">
  import widget from "/widget.js";
  const listeners = [];
  const socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = "arraybuffer";
  const parse = (data) => {
    const head = new DataView(data).getUint32(0, true);
    const { content, sizes } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, head)));
    let at = 4 + head;
    return [content, sizes.map((size) => { at += size; return new DataView(data, at - size, size); })];
  };
  socket.onmessage = ({ data }) => {
    const begun = performance.now();
    const [content, buffers] = parse(data);
    for (const listen of listeners) listen(content, buffers);
    if (content.op !== "snapshot") return;
    // A frame that was asked for after the view's own has the view's picture.
    requestAnimationFrame(() => setTimeout(() => (window.shown = [window.asked, begun, performance.now()]), 0));
  };
  await new Promise((done) => (socket.onopen = done));
  const model = {
    get: () => undefined,
    on: (name, callback) => { if (name === "msg:custom") listeners.push(callback); },
    off: () => {},
    send: (content) => socket.send(JSON.stringify(content)),
  };
  const made = widget();
  made.initialize({ model });
  window.show = () => { window.asked = performance.now(); made.render({ model, el: document.getElementById("out") }); };
  window.ready = true;
</script></body></html>
"""


@dataclass(frozen=True, slots=True)
class Said:
    """One message to the browser."""

    at_s: float
    op: str
    size: int


class ScreenView(FlowView):
    """A view whose messages go to sockets instead of a comm, and that tells what its publisher costs."""

    def __init__(self, run: WatchedRun, room: Room) -> None:
        self._room = room
        self.publishing_s = 0.0  #: CPU time of the publisher's thread, the making of JSON included
        self.said: list[Said] = []
        super().__init__(run)

    @override
    def _publish(self) -> int:
        begin_s = time.thread_time()
        try:
            return super()._publish()
        finally:
            self.publishing_s += time.thread_time() - begin_s

    @override
    def send(self, content: Any, buffers: Any = None) -> None:
        parts = [bytes(part) for part in buffers or []]
        head = json.dumps({"content": content, "sizes": [len(part) for part in parts]}).encode()
        frame = b"".join((struct.pack("<I", len(head)), head, *parts))
        self.said.append(Said(time.monotonic(), content["op"], len(frame)))
        self._room.say(frame)


class Room:
    """The sockets of the pages that are open, and the loop that serves them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sockets: set[WebSocketHandler] = set()
        self.view: ScreenView | None = None
        self._loop = loop

    def say(self, frame: bytes) -> None:
        """Send a frame to all pages; from any thread."""
        self._loop.call_soon_threadsafe(self._write, frame)

    def _write(self, frame: bytes) -> None:
        for socket in list(self.sockets):
            try:
                _ = socket.write_message(frame, binary=True)
            except WebSocketClosedError:
                self.sockets.discard(socket)


class _File(RequestHandler):
    def initialize(self, kind: str, body: bytes) -> None:
        self._kind, self._body = kind, body

    @override
    def get(self) -> None:
        self.set_header("Content-Type", f"text/{self._kind}; charset=utf-8")
        self.write(self._body)


class _Socket(WebSocketHandler):
    def initialize(self, room: Room) -> None:
        self._room = room

    @override
    def open(self, *_: str, **__: str) -> None:
        self.set_nodelay(True)
        self._room.sockets.add(self)

    @override
    def on_message(self, message: str | bytes) -> None:
        if self._room.view is not None:
            self._room.view._handle_custom_msg(json.loads(message), [])

    @override
    def on_close(self) -> None:
        self._room.sockets.discard(self)


@dataclass(frozen=True, slots=True)
class Screen:
    """A page with a view in it."""

    page: Page
    view: ScreenView
    _tools: CDPSession

    def load(self) -> None:
        """Load the page anew, without a view in it."""
        self.page.reload()
        self.page.wait_for_function("window.ready")

    def show(self) -> tuple[float, float]:
        """Show the view; gives the seconds until its first picture, from the question and from the snapshot on."""
        self.page.evaluate("window.show()")
        self.page.wait_for_function("window.shown && document.querySelector('.wf-card')")
        asked, heard, painted = self.page.evaluate("window.shown")
        return (painted - asked) / 1_000, (painted - heard) / 1_000

    def heap_bytes(self) -> float:
        """What the page's scripts hold after a collection: objects, and the memory of their buffers and elements."""
        self._tools.send("HeapProfiler.collectGarbage")
        used = self._tools.send("Runtime.getHeapUsage")
        return float(sum(used.get(part, 0) for part in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")))


@contextmanager
def screen(run: WatchedRun) -> Iterator[Screen]:
    """Open a page for a view of a run; the view is not shown yet."""
    if not SCRIPT.exists():
        raise RuntimeError("The widget is not built: run `npm ci && npm run build` in labextension/.")
    with _served(run) as (view, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        page = browser.new_page(viewport={"width": _SIZE[0], "height": _SIZE[1]})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        tools = page.context.new_cdp_session(page)
        tools.send("Runtime.enable")
        page.goto(url)
        page.wait_for_function("window.ready")
        try:
            yield Screen(page, view, tools)
        finally:
            browser.close()
        if errors:
            raise RuntimeError(f"Errors in the page: {errors}")


@contextmanager
def _served(run: WatchedRun) -> Iterator[tuple[ScreenView, str]]:
    loop = asyncio.new_event_loop()
    room = Room(loop)
    room.view = view = ScreenView(run, room)

    async def serve() -> int:
        routes: list[Any] = [
            ("/", _File, {"kind": "html", "body": _PAGE.encode()}),
            ("/widget.js", _File, {"kind": "javascript", "body": SCRIPT.read_bytes()}),
            ("/socket", _Socket, {"room": room}),
        ]
        server = Application(routes).listen(0, "127.0.0.1")
        port: int = next(iter(server._sockets.values())).getsockname()[1]
        return port

    thread = threading.Thread(target=loop.run_forever, name="screen", daemon=True)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    try:
        yield view, f"http://127.0.0.1:{port}/"
    finally:
        view.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
