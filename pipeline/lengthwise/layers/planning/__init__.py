"""From columns to the plan of a layer, and from and to a Keras configuration."""
