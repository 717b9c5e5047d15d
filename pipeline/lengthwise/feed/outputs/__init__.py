"""Batches -> the inputs of a model in training and in serving."""
