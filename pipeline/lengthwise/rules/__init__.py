"""The rules of columns and sequences, written once, for numpy arrays (the job) and for TensorFlow tensors (the feed).

    flat values and splits ─ column_rules, length_rules ─> RecordRules ─ verdicts ─> the first fault of each record
                           └ even_steps, gap_filling, stored_numbers ─> steps of even width

A rule is a value: a reason, a feature, which entries break it, and the text of what was expected. `array_protocol`
defines the operations that rules need on arrays; `numpy_arrays` and `lengthwise.tensor.tensor_arrays` implement it.
A new rule or a new kind of column is written only here.
"""
