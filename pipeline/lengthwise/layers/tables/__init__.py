"""The plan of a layer from its columns, the embedding tables and their first weights, and the Keras configuration."""
