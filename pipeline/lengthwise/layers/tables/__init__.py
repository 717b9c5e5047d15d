"""The embedding tables of a layer: their memory, their initial weights, their variables."""
