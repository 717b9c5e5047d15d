"""What is learned of the input before it is written: lengths, values of vocabularies, hopeless input."""
