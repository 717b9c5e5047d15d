"""Runs the snippets of the documentation in the order of the pages.

A page is one session: its Python blocks share their names, its shell blocks and files share one folder.
"""

import os
import re
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
RUN, SHOWN = ("python", "bash"), ("yaml", "text")


@dataclass(frozen=True)
class Snippet:
    """A fenced block: its language, its file name if it is a file, its text and its line on the page."""

    language: str
    file: str
    text: str
    line: int


def snippets(page: Path) -> list[Snippet]:
    """Returns the fenced blocks of a page."""
    content = page.read_text()
    found = []
    for match in _FENCE.finditer(content):
        title = _TITLE.search(match[2])
        line = content[: match.start()].count("\n") + 2
        found.append(Snippet(match[1], title[1] if title else "", match[3], line))
    return found


def run_page(page: Path) -> None:
    """Runs a page's snippets in the working directory; the first failure ends the process with its position."""
    names: dict[str, object] = {"__name__": "__main__"}
    for snippet in snippets(page):
        place = f"{page.name}:{snippet.line}"
        print(f"--- {place} {snippet.language}", flush=True)
        if snippet.file:
            Path(snippet.file).parent.mkdir(parents=True, exist_ok=True)
            Path(snippet.file).write_text(snippet.text)
        elif snippet.language == "python":
            _run_python(snippet, place, names)
        elif snippet.language == "bash":
            code = subprocess.run(["bash", "-euo", "pipefail", "-c", snippet.text]).returncode
            if code:
                sys.exit(f"{place}: exit code {code}")


def _run_python(snippet: Snippet, place: str, names: dict[str, object]) -> None:
    try:
        exec(compile("\n" * (snippet.line - 1) + snippet.text, place, "exec"), names)  # noqa: S102
    except (Exception, SystemExit):  # noqa: BLE001 (reports the position for any error of a snippet)
        traceback.print_exc()
        sys.exit(f"{place}: failed")


def session(page: Path, folder: Path, **environment: str) -> str:
    """Runs a page in a separate process; returns its output.

    Raises:
        AssertionError: a snippet failed; the message has the end of the output.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    root = DOCS.parent
    libraries = os.pathsep.join([str(root / "pipeline"), str(root / "cli"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, __file__, str(page)],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": libraries, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{page.name}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
