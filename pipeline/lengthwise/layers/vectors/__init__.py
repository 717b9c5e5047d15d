"""Dense steps -> vectors `[B,T,D]`."""
