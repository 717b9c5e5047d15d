"""Bytes <-> Arrow, along the flow of a record. Pure functions on batches; no Beam, no TensorFlow.

container   file bytes <-> blocks of records
decoding    records -> Arrow lists: by numpy in the usual form, else by tfx-bsl
rows        Arrow lists -> rows: look up, validate, cut, order, split
encoding    rows -> serialized tf.Examples, padded or in blocks
statistics  of what is written
rejected    the files of rejected records
samples     single records, to inspect them
arrays      tools for Arrow batches, used by all of these
"""
