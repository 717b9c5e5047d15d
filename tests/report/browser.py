"""Debian's Chromium, headless: what a page asks for, what it complains about, what axe finds, what it looks like.

Nothing leaves the machine: no host name resolves for the browser.
"""

import base64
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --proxy-server=direct://"
)
_PROBE = """
document.querySelectorAll('details').forEach(one => one.open = true);
axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(result => {
  const found = result.violations.map(one => [one.id, one.nodes.map(node => node.failureSummary + ' ' + node.html)]);
  const place = document.createElement('pre');
  place.id = 'found';
  place.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(
    {found, passes: result.passes.length, width: document.documentElement.scrollWidth, room: innerWidth}))));
  document.body.append(place);
});
"""


@dataclass(frozen=True)
class Visit:
    """What became of a page: its DOM at the end, the console's lines, and the addresses that it asked for."""

    dom: str
    console: list[str]
    requests: list[str]


def visit(page: Path, folder: Path, *, dark: bool = False) -> Visit:
    """Loads a page and waits until it is quiet."""
    log = folder / "net.json"
    done = _chromium(folder, page, f"--log-net-log={log}", "--enable-logging=stderr", "--v=0", "--dump-dom", dark=dark)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Visit(done.stdout, console, _requests(json.loads(log.read_text())))


def screenshot(page: Path, target: Path, folder: Path, *, width: int, height: int, dark: bool) -> None:
    """Writes a PNG of the page's top."""
    _chromium(folder, page, f"--screenshot={target}", f"--window-size={width},{height}", dark=dark)


def axe(page: Path, folder: Path, script: str, *, width: int, dark: bool) -> dict[str, object]:
    """The violations that axe-core finds on a page `width` wide, all its details opened."""
    probe = f"<script>{script.replace('</script', '<' + chr(92) + '/script')}</script><script>{_PROBE}</script></body>"
    content = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    inner = folder / "inner.html"
    inner.write_text(content.replace("</body>", probe))
    outer = folder / "outer.html"  # a window is never narrower than 500 pixels, a frame may be
    outer.write_text(f'<title>x</title><iframe src="inner.html" width="{width}" height="900"></iframe>')
    # The frame's document is read through the outer one; both are files.
    reader = (
        "<script>const wait = setInterval(() => { const inner = document.querySelector('iframe').contentDocument;"
        "const found = inner && inner.getElementById('found'); if (found) { clearInterval(wait);"
        "document.body.append(found.cloneNode(true)); } }, 50)</script>"
    )
    outer.write_text(outer.read_text() + reader)
    options = ("--allow-file-access-from-files", "--virtual-time-budget=60000", "--dump-dom", "--window-size=1400,1000")
    dom = _chromium(folder, outer, *options, dark=dark).stdout
    result = re.search(r'id="found">([^<]*)<', dom)
    assert result, f"axe did not finish: {dom[-500:]}"
    found: dict[str, object] = json.loads(base64.b64decode(result[1]))
    return found


def _chromium(folder: Path, page: Path, *options: str, dark: bool) -> "subprocess.CompletedProcess[str]":
    assert CHROMIUM
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [
        CHROMIUM,
        *_FLAGS.split(),
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={folder / 'profile'}",
    ]
    return subprocess.run(
        [*command, scheme, *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )


def _requests(log: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """The addresses that pages requested; the requests of the browser itself have no origin."""
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    params = [event.get("params", {}) for event in log["events"] if event["type"] == start]  # type: ignore[union-attr]
    return [one["url"] for one in params if "url" in one and one.get("initiator") != "not an origin"]
