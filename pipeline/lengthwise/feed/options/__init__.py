"""The options of readers: frozen values that are validated when they are created."""
