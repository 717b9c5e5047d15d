"""Debian's Chromium, headless: the requests and console messages of a page, what axe finds, and screenshots.

Nothing leaves the machine: the browser cannot resolve host names.
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
document.querySelectorAll('details').forEach(details => details.open = true);
axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(result => {
  const violations = result.violations.map(
    rule => [rule.id, rule.nodes.map(node => node.failureSummary + ' ' + node.html)]);
  const element = document.createElement('pre');
  element.id = 'result';
  element.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(
    {violations, passes: result.passes.length, width: document.documentElement.scrollWidth, window: innerWidth}))));
  document.body.append(element);
});
"""


@dataclass(frozen=True)
class Visit:
    """A loaded page: its DOM at the end, the lines of the console, and the requested addresses."""

    dom: str
    console: list[str]
    requests: list[str]


def visit(page: Path, folder: Path, *, dark: bool = False) -> Visit:
    """Loads a page and waits until it is complete."""
    log = folder / "net.json"
    done = _chromium(folder, page, f"--log-net-log={log}", "--enable-logging=stderr", "--v=0", "--dump-dom", dark=dark)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Visit(done.stdout, console, _requests(json.loads(log.read_text())))


def screenshot(page: Path, target: Path, folder: Path, *, width: int, height: int, dark: bool) -> None:
    """Writes a PNG of the top of the page."""
    _chromium(folder, page, f"--screenshot={target}", f"--window-size={width},{height}", dark=dark)


def axe(page: Path, folder: Path, script: str, *, width: int, dark: bool) -> dict[str, object]:
    """The violations that axe-core finds on a page of that width, with all its details open."""
    probe = f"<script>{script.replace('</script', '<' + chr(92) + '/script')}</script><script>{_PROBE}</script></body>"
    content = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    inner = folder / "inner.html"
    inner.write_text(content.replace("</body>", probe))
    outer = folder / "outer.html"  # a window is never narrower than 500 pixels, a frame may be
    outer.write_text(
        f'<title>x</title><iframe src="inner.html" width="{width}" height="900"></iframe>'
        "<script>const wait = setInterval(() => { const inner = document.querySelector('iframe').contentDocument;"
        "const result = inner && inner.getElementById('result'); if (result) { clearInterval(wait);"
        "document.body.append(result.cloneNode(true)); } }, 50)</script>"
    )
    options = ("--allow-file-access-from-files", "--virtual-time-budget=60000", "--dump-dom", "--window-size=1400,1000")
    dom = _chromium(folder, outer, *options, dark=dark).stdout
    match = re.search(r'id="result">([^<]*)<', dom)
    assert match, f"axe did not finish: {dom[-500:]}"
    result: dict[str, object] = json.loads(base64.b64decode(match[1]))
    return result


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
    return [request["url"] for request in params if "url" in request and request.get("initiator") != "not an origin"]
