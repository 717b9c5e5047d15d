"""Batches -> what a model takes in training and in serving."""
