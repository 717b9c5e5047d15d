"""What a reader is asked for: frozen values that check themselves."""
