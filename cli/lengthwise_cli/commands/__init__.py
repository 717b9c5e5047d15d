"""One module per command. Each defines `command`, and imports heavy modules inside it."""
