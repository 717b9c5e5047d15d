"""Bytes <-> Arrow, one step a file, in the order of the flow. Pure functions on batches; no Beam, no TensorFlow.

compression  is a file plain, gzip or zlib?  (`inflate`: its bytes, up to the first fault)
framing   file bytes -> blocks of records            (and records -> file bytes)
first_frame  a byte inside a file -> where its records start again
wire      records of the usual form -> Arrow lists, by numpy (`packed`: the steps of one list)
decode    records -> Arrow lists: `wire` where it can, else tfx-bsl
steps     Arrow lists -> flat values and steps
lookup    raw values -> ids
validate  steps -> faults and lengths, by the columns' rules
window    lengths -> cut, split or refused sequences
refine    block -> rows: the five steps above, composed
order     rows -> split, and place in the global shuffle
pad       rows -> matrices of the bucket's boundary
messages  matrices -> wire format, a whole batch at once
encode    matrices -> tf.Example bytes               (blocks: rows -> one tf.Example of `buffers`)
"""
