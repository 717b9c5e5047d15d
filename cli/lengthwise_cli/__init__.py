"""The `lengthwise` command.

main ─> command_group (loads one module per command) ─> commands/NAME ─> lengthwise.*
          │                                                     │
          └─ command_failures: one message, exit code         └─ terminal, progress_display, table_layout

Nothing here imports TensorFlow, Beam, pyarrow or rich before a command needs it: `lengthwise --help` answers at once.
"""
