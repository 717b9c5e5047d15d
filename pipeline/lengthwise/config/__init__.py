"""The job's configuration, from YAML to checked values.

job.yaml ─ read ─> mapping ─ paths, schema ─> mapping ─ model ─> JobConfig
           │                                            └─ errors: FILE: PATH: expected ..., received ...; DO
           └─ no tags, no duplicate keys, no exploding anchors
"""

from lengthwise.config.buckets_section import Buckets
from lengthwise.config.config_loading import load_config, parse_config
from lengthwise.config.field_types import Bytes
from lengthwise.config.inputs_section import Inputs, RecordFormat
from lengthwise.config.job_config import JobConfig
from lengthwise.config.json_schema import config_schema
from lengthwise.config.limits_section import Limits
from lengthwise.config.output_section import Output, Shuffle
from lengthwise.config.sequences_section import GroupRules, Sequences
from lengthwise.config.splits_section import Splits

__all__ = [
    "Buckets",
    "Bytes",
    "GroupRules",
    "Inputs",
    "JobConfig",
    "Limits",
    "Output",
    "RecordFormat",
    "Sequences",
    "Shuffle",
    "Splits",
    "config_schema",
    "load_config",
    "parse_config",
]
