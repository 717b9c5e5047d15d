"""`SequencePrep`, the component: its inputs and outputs, and the parameters that its node's cache depends on."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types.channel import BaseChannel, Channel

from lengthwise.config import JobConfig
from lengthwise.tfx import component_settings, prep_executor
from lengthwise.tfx.tfx_artifacts import Preparation


class SequencePrepSpec(component_spec.ComponentSpec):
    """Inputs, outputs and execution properties of `SequencePrep`."""

    PARAMETERS: ClassVar = {
        "config": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "like": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS: ClassVar = {
        "prepared_examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "prepared_schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "preparation": component_spec.ChannelParameter(type=Preparation),
    }


class SequencePrep(base_beam_component.BaseBeamComponent):
    """Validates, buckets and pads the sequences of an `Examples` artifact; a TFX component that runs on Beam.

    Args:
        examples: a channel of `Examples` with payload tf.SequenceExample or tf.Example. Every split is prepared into
            the split of the same name.
        config: the columns and the bucketing: the path of a YAML file, YAML or JSON text, a mapping, or a `JobConfig`.
            It is read when the pipeline is built, so the node does not need the file. Its inputs, splits, output path
            and output compression are ignored: the artifacts decide these.
        schema: a channel with a TFMD `Schema`, whose features become columns, except those that `config` names.
        like: a channel with the `prepared_examples` of an earlier run, such as that of another span. Their boundaries
            and vocabularies are used, so that a model reads both as one data set, and the two are compared.

    Outputs:
        prepared_examples: `Examples` of padded tf.Examples, one bucket per file, with the splits, span and version of
            the input; its root contains the manifest, so `lengthwise.read_prepared(uri, split)` reads it directly.
        prepared_schema: their `Schema`, tensor representations included.
        preparation: a `Preparation` artifact with `manifest.json`, `report.html` and `rejects/`; with `like` also
            `comparison.json`: the features that changed.

    The node fails with the job's message if the data exceeds the configuration's limits. `beam_pipeline_args` configure
    Beam; runners with workers on other machines need `lengthwise` there (`--extra_package`, `--setup_file` or
    `--sdk_container_image`).

    Raises:
        ConfigError: the configuration is invalid; raised when the pipeline is built.

    Example:
        >>> prep = SequencePrep(examples=example_gen.outputs["examples"], config="configs/clicks.yaml")
    """

    SPEC_CLASS = SequencePrepSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(prep_executor.Executor)

    def __init__(
        self,
        examples: BaseChannel,
        config: str | Mapping[str, Any] | JobConfig,
        schema: BaseChannel | None = None,
        like: BaseChannel | None = None,
    ) -> None:
        text = component_settings.canonical_settings(config, has_schema=schema is not None)
        super().__init__(
            spec=SequencePrepSpec(
                examples=examples,
                schema=schema,
                like=like,
                config=text,
                fingerprint=component_settings.fingerprint_settings(text),
                prepared_examples=Channel(type=standard_artifacts.Examples),
                prepared_schema=Channel(type=standard_artifacts.Schema),
                preparation=Channel(type=Preparation),
            )
        )
