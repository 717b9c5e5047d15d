"""Length-bucketed, padded sequence data for TensorFlow, Keras, Beam and TFX."""

__version__ = "0.1.0"
