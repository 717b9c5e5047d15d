"""Files by path, local or remote, and what keeps their use safe: locks, copies, credentials."""
