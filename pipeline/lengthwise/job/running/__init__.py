"""Who runs the steps: worker processes of this machine, or Beam."""
