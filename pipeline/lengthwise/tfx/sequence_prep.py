"""`SequencePrep`, the component: what it takes, what it gives, and what its node's cache depends on."""

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
        config: what a sequence is and how it is bucketed: the path of a YAML file, YAML or JSON text, a mapping, or a
            `JobConfig`. It is read when the pipeline is built, so the node needs no such file where it runs. What it
            says of inputs, splits, output path and output compression is left aside: the artifacts decide these.
        schema: a channel with a TFMD `Schema`, whose features become columns, those that `config` names left out.
        like: a channel with the `prepared_examples` of an earlier run, such as that of another span. Their boundaries
            and vocabularies are taken, so that a model reads both as one data set, and the two are compared.

    Outputs:
        prepared_examples: `Examples` of padded tf.Examples, one bucket a file, with the splits, span and version of the
            input; its root holds the manifest, so `lengthwise.read_prepared(uri, split)` reads it as it stands.
        prepared_schema: their `Schema`, tensor representations included.
        preparation: a `Preparation` artifact with `manifest.json`, `report.html` and `rejects/`; with `like` also
            `comparison.json`: the features that moved.

    The node fails with the job's own message where the data break the configuration's limits. Beam runs as
    `beam_pipeline_args` say; runners with workers elsewhere need `lengthwise` there (`--extra_package`,
    `--setup_file` or `--sdk_container_image`).

    Raises:
        ConfigError: the configuration makes no sense; found when the pipeline is built.

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
        text = component_settings.canonical(config, has_schema=schema is not None)
        super().__init__(
            spec=SequencePrepSpec(
                examples=examples,
                schema=schema,
                like=like,
                config=text,
                fingerprint=component_settings.fingerprint(text),
                prepared_examples=Channel(type=standard_artifacts.Examples),
                prepared_schema=Channel(type=standard_artifacts.Schema),
                preparation=Channel(type=Preparation),
            )
        )
