"""Quotes values from data for YAML and its comments; control characters are escaped."""

from typing import Any

import yaml


def quote(value: Any) -> str:
    """One value, quoted for a YAML list or mapping; characters that are not printable are escaped."""
    visible = str(value).isprintable()
    text = yaml.safe_dump(
        [value], default_flow_style=True, width=10**9, allow_unicode=visible, default_style=None if visible else '"'
    )
    return text.strip()[1:-1]
