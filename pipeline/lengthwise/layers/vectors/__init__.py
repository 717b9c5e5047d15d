"""From dense steps to vectors `[B,T,D]`."""
