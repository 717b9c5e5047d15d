"""`lengthwise serve`: runs the processes of a tf.data service, which batches on other machines than the trainer's."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from lengthwise.printable_text import visible
from lengthwise_cli import shared_options
from lengthwise_cli.signal_handling import not_ignored
from lengthwise_cli.standard_streams import result_is_elsewhere
from lengthwise_cli.terminal import note

EPILOG = """\b
Example, one line per machine:
  lengthwise serve dispatcher --port 5050 --work-dir /shared/journal
  lengthwise serve worker --dispatcher 10.0.0.2:5050 --host 10.0.0.3 \\
    --port 5051

\b
and in the training program:
  lw.read_prepared("prepared", batch_steps=8192, service="10.0.0.2:5050")

Ctrl-C, SIGTERM or SIGHUP ends a server, exit code 0. The servers answer every client that can reach their port."""


@click.group("serve", epilog=EPILOG)
def command() -> None:
    """Run a dispatcher or a worker of a tf.data service."""


@command.command("dispatcher", epilog="\b\nExample:\n  lengthwise serve dispatcher --port 5050 --work-dir journal")
@click.option("--port", type=click.IntRange(0, 65535), default=5050, show_default=True, help="0 for any free port.")
@click.option(
    "--work-dir",
    required=True,
    type=shared_options.path,
    help="The folder of the journal, from which a restart continues.",
)
def dispatcher(port: int, work_dir: str) -> None:
    """Run the dispatcher, which assigns work to the workers."""
    _import_tensorflow()
    from lengthwise.feed.service.service_processes import start_dispatcher

    with _ended_by_signals():
        server = start_dispatcher(port, work_dir)
    _serve(server, f"dispatcher at {server.target}")


@command.command("worker", epilog="\b\nExample:\n  lengthwise serve worker --dispatcher 10.0.0.2:5050 --host 10.0.0.3")
@click.option("--dispatcher", "address", required=True, help="The dispatcher's address, HOST:PORT.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 for any free port.")
@click.option("--host", default="localhost", show_default=True, help="The name by which trainers reach this machine.")
@click.option("--cache", type=shared_options.path, help="The folder for local copies of remote files.")
@click.option(
    "--cache-bytes", type=click.IntRange(1), help="Maximum size of the copies; by default half of the free space."
)
def worker(address: str, port: int, host: str, cache: str | None, cache_bytes: int | None) -> None:
    """Run a worker, which reads and batches. Start enough workers to keep the trainer busy.

    A worker waits for its dispatcher, so either can start first. Give the worker a port, and restart it if it fails:
    trainers wait ten minutes for a lost worker, or as long as their options set, and recognize it by its address.
    """
    from lengthwise.dispatcher import wait_for_dispatcher

    try:
        wait_for_dispatcher(
            address, report_reason=lambda reason: note(f"waiting for the dispatcher at {address}: {reason}")
        )
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return
    _import_tensorflow()
    from lengthwise.feed.options.cache_options import Cache
    from lengthwise.feed.service.service_processes import start_worker

    copies = Cache.make(folder=cache, max_bytes=cache_bytes) if cache or cache_bytes else None
    with _ended_by_signals():
        server = start_worker(address, port, host, copies)
    _serve(server, f"worker of {address}")


def _import_tensorflow() -> None:
    from lengthwise_cli.library_silence import native_stderr_silenced

    with native_stderr_silenced():
        import tensorflow  # noqa: F401 (its messages are discarded here)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Lets signals end the process immediately: while TensorFlow starts a server, Python cannot handle them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_DFL) for number in not_ignored()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(server: object, what: str) -> None:
    """Waits for a signal. The server's `join` would keep Python from handling one."""
    result_is_elsewhere()
    try:
        click.echo(visible(what))
        while True:
            signal.pause()
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    del server
