"""The `lengthwise` command.

main ─> group (finds a command, loads its module alone) ─> commands/NAME ─> lengthwise.*
          │                                                     │
          └─ failures: exception -> one message, exit code      └─ terminal, watch, tables: what people see

Nothing here imports TensorFlow, Beam, pyarrow or rich before a command needs it: `lengthwise --help` answers at once.
"""
