"""The embedding tables of a layer: their memory, their first weights, their variables."""
