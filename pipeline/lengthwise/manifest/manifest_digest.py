"""A manifest's text, with a digest by which later edits are detected."""

import hashlib
import json
from collections.abc import Mapping


def text_with_digest(content: Mapping[str, object]) -> str:
    """The text of a manifest file: sorted keys, two spaces, the digest, a newline at the end."""
    return json.dumps({**content, "digest": digest_of(content)}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def digest_of(content: Mapping[str, object]) -> str:
    """The SHA-256 of a manifest's content without its digest, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
