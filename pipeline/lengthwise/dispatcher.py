"""Waits for the dispatcher of a tf.data service, which workers and trainers connect to."""

import math
import socket
import time
from collections.abc import Callable

from lengthwise.errors import ConfigError, EnvironmentFailure

_PAUSE_S = 0.5


def wait_for_dispatcher(
    address: str, timeout_s: float | None = None, report_reason: Callable[[str], None] = lambda _: None
) -> None:
    """Waits until a process listens at the address.

    TensorFlow would wait too, for an hour, but silently, and Python would receive no signals.

    Args:
        address: `HOST:PORT`, with or without its protocol.
        timeout_s: the time limit; None waits without limit.
        report_reason: is called with the reason of the wait, and again when the reason changes.

    Raises:
        ConfigError: the address is invalid.
        EnvironmentFailure: no process listened at the address for `timeout_s`.
    """
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"the dispatcher's address: expected HOST:PORT, received {address!r}")
    end = math.inf if timeout_s is None else time.monotonic() + timeout_s
    reported = ""
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
            return
        except OSError as error:
            reason = error.strerror or str(error)
        if time.monotonic() > end:
            raise EnvironmentFailure(
                f"no dispatcher of a tf.data service answers at {address} for {timeout_s} s ({reason}); "
                "start it with `lengthwise serve dispatcher`, or fix the address"
            )
        if reason != reported:
            report_reason(reason)
            reported = reason
        time.sleep(_PAUSE_S)
