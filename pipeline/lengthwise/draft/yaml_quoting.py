"""Values from data as they may stand in YAML and its comments: quoted where needed, nothing that moves a cursor."""

from typing import Any

import yaml


def quote(value: Any) -> str:
    """One value as it must stand inside a YAML list or mapping; characters that cannot be seen are escaped."""
    visible = str(value).isprintable()
    text = yaml.safe_dump(
        [value], default_flow_style=True, width=10**9, allow_unicode=visible, default_style=None if visible else '"'
    )
    return text.strip()[1:-1]
