"""The job's configuration, from YAML to checked values.

job.yaml ─ read ─> mapping ─ paths, schema ─> mapping ─ model ─> JobConfig
           │                                            └─ errors: FILE: PATH: expected ..., received ...; DO
           └─ no tags, no duplicate keys, no exploding anchors
"""

from lengthwise.config.config_loading import load_config, parse_config
from lengthwise.config.job_config import Buckets, Inputs, JobConfig, Limits, Output, Sequences, Shuffle, Splits
from lengthwise.config.json_schema import config_schema

__all__ = [
    "Buckets",
    "Inputs",
    "JobConfig",
    "Limits",
    "Output",
    "Sequences",
    "Shuffle",
    "Splits",
    "config_schema",
    "load_config",
    "parse_config",
]
