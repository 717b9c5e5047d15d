"""TensorFlow ops that both `lengthwise.feed` and `lengthwise.layers` use; loaded only where TensorFlow is needed."""
