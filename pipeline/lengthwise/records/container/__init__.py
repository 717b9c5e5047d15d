"""TFRecord files: frames, checksums, compression."""
