"""The dispatcher of a tf.data service, as workers and trainers see it: an address at which something answers or not."""

import math
import socket
import time
from collections.abc import Callable

from lengthwise.errors import ConfigError, EnvironmentFailure

_PAUSE_S = 0.5

Say = Callable[[str], None]


def wait_for_dispatcher(address: str, timeout_s: float | None = None, say: Say = lambda _: None) -> None:
    """Waits until something listens there.

    TensorFlow would wait too, for an hour, but silently, and without Python seeing any signal.

    Args:
        address: `HOST:PORT`, with or without its protocol.
        timeout_s: None waits without end.
        say: called with the reason of the wait, and whenever it becomes another.

    Raises:
        ConfigError: the address is none.
        EnvironmentFailure: nothing listened there for `timeout_s`.
    """
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"the dispatcher's address: expected HOST:PORT, received {address!r}")
    end = math.inf if timeout_s is None else time.monotonic() + timeout_s
    told = ""
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
            return
        except OSError as error:
            reason = error.strerror or str(error)
        if time.monotonic() > end:
            raise EnvironmentFailure(
                f"no dispatcher of a tf.data service answers at {address} for {timeout_s} s ({reason}); "
                "start it with `lengthwise serve dispatcher`, or mend the address"
            )
        if reason != told:
            say(reason)
            told = reason
        time.sleep(_PAUSE_S)
