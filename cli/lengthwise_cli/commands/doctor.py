"""`lengthwise doctor`: what works on this machine."""

import dataclasses
from typing import TYPE_CHECKING

import click

from lengthwise.printable_text import visible
from lengthwise_cli import shared_options

if TYPE_CHECKING:
    from lengthwise_cli.doctor_checks import Finding

EPILOG = """\b
Example:
  lengthwise doctor
  lengthwise doctor gs://bucket/raw prepared
  lengthwise doctor prepared -- --runner=PortableRunner \\
    --job_endpoint=localhost:8099 --environment_type=EXTERNAL \\
    --environment_config=localhost:50000"""


@click.command("doctor", cls=shared_options.BeamCommand, epilog=EPILOG)
@click.argument("paths", nargs=-1, type=shared_options.path)
@shared_options.as_json
def command(paths: tuple[str, ...], as_json: bool) -> None:
    """Check versions, runners, file systems, threads and GPU.

    Tests access to PATHS, files or folders. Options after -- choose a runner, as in prepare: a job of one element shows
    whether its workers run this version and reach PATHS. Reports what is wrong and how to fix it. Exit code 3: a check
    failed.
    """
    from lengthwise.errors import EnvironmentFailure
    from lengthwise_cli.terminal import say_json

    findings = _findings(paths, shared_options.beam_options(), spin=not as_json)
    if as_json:
        say_json([dataclasses.asdict(finding) for finding in findings])
    else:
        _say(findings)
    bad = [finding for finding in findings if finding.status == "bad"]
    if bad:
        raise EnvironmentFailure(
            f"{len(bad)} of {len(findings)} checks failed: {', '.join(finding.what for finding in bad)}"
        )


def _findings(paths: tuple[str, ...], runner_options: tuple[str, ...], *, spin: bool) -> "list[Finding]":
    from rich.text import Text

    from lengthwise_cli.doctor_checks import checks
    from lengthwise_cli.terminal import console

    findings: list[Finding] = []
    if not spin:
        return [finding for _, check in checks(paths, runner_options) for finding in check()]
    with console(stderr=True).status("looking") as status:
        for what, check in checks(paths, runner_options):
            status.update(Text(visible(f"looking at {what}")))
            findings += check()
    return findings


def _say(findings: "list[Finding]") -> None:
    from lengthwise_cli.terminal import say, say_table

    say_table("", ["what", "status", "found", "advice"], map(dataclasses.astuple, findings))
    if all(finding.status != "bad" for finding in findings):
        say("all required parts work")
