"""The JSON Schema of a job's YAML file, with which editors complete and check configurations."""

from typing import Any

from lengthwise.config.job_config import JobConfig


def config_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of the files that `load_config` reads.

    It does not contain rules between fields; `load_config` checks these.
    """
    schema = JobConfig.model_json_schema()
    schema["properties"]["columns_from_schema"] = {
        "type": "string",
        "description": "A TFMD schema (schema.pbtxt, relative to this file): each of its features that `columns` does "
        "not name becomes a column.",
    }
    schema.pop("required", None)
    schema["anyOf"] = [{"required": ["columns"]}, {"required": ["columns_from_schema"]}]
    for definition in schema["$defs"].values():
        if "kind" in definition.get("properties", {}):  # optional in Python, required in YAML
            definition["properties"]["kind"].pop("default", None)
            definition["required"] = ["kind", *definition.get("required", ())]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of a lengthwise job",
    }
