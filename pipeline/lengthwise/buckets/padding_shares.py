"""How much of the padded steps is padding, from two sums of steps."""


def share_of_padding(padded_steps: int, real_steps: int) -> float:
    """The share of padding among all padded steps, from 0 to 1; 0 without steps."""
    return (padded_steps - real_steps) / padded_steps if padded_steps else 0.0


def padded_steps_per_real(padded_steps: int, real_steps: int) -> float | None:
    """Padded steps per real step, at least 1; None without a real step."""
    return padded_steps / real_steps if real_steps else None
