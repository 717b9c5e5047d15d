"""The executor of `SequencePrep`: runs one preparation, then moves each part of its output to its artifact.

Examples (all splits) ─▶ lengthwise.job     ─▶ prepared_examples/   Split-*/, vocabulary/, manifest.json
                                                      │ copied, moved
                                                      ├─▶ prepared_schema/   schema.pbtxt
                                                      └─▶ preparation/       manifest.json, report.html, rejects/,
                                                                             comparison.json
"""

import logging
from typing import Any

from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from lengthwise.errors import DataLimitError
from lengthwise.job import run_by_plan
from lengthwise.manifest import MANIFEST_NAME, Counts, load_manifest, without_files
from lengthwise.printable_text import visible, visible_json
from lengthwise.progress import Event
from lengthwise.report import DriftLimits, compare_manifests, comparison_json, write_report
from lengthwise.report.drift import flagged
from lengthwise.storage import files
from lengthwise.tfx import component_settings, tfx_artifacts

_LOG = logging.getLogger("lengthwise.tfx")
_REPORTED = ("report.html", "rejects")
COMPARISON_NAME = "comparison.json"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the preparation on Beam, as the node's `beam_pipeline_args` say."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Prepares every split of the input `Examples`.

        Args:
            input_dict: `examples`; `schema` and `like` where they are given.
            output_dict: `prepared_examples`, `prepared_schema` and `preparation`.
            exec_properties: `config`, as `component_settings.canonical_settings` wrote it.

        Raises:
            ConfigError: the configuration does not fit the artifacts.
            DataLimitError: too many records were rejected; the message says where the report and the rejects are.
            EnvironmentFailure: the runner or a file system failed.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        sources = input_dict["examples"]
        prepared = artifact_utils.get_single_instance(output_dict["prepared_examples"])
        preparation = artifact_utils.get_single_uri(output_dict["preparation"])
        splits = tfx_artifacts.files_by_split(sources)
        config = component_settings.for_execution(
            exec_properties["config"],
            by_split=splits,
            record_format=tfx_artifacts.record_format(sources),
            output=prepared.uri,
            schema=_schema_path(input_dict.get("schema")),
        )
        baseline = artifact_utils.get_single_uri(input_dict["like"]) if input_dict.get("like") else None
        try:
            manifest = run_by_plan(
                config,
                like=baseline,
                overwrite=True,
                runner_options=self._beam_pipeline_args,
                progress=_log_message,
            ).manifest
        except DataLimitError as error:
            kept = self._keep_rejects(prepared.uri)
            raise DataLimitError(str(error).replace(prepared.uri, kept)) from error
        for split in splits:  # an empty split has no file
            fileio.makedirs(f"{prepared.uri}/Split-{split}")
        if baseline is not None:
            _compare(prepared.uri, baseline, f"{preparation}/{COMPARISON_NAME}")
        _remove_moved_files(f"{prepared.uri}/{MANIFEST_NAME}")
        _copy(MANIFEST_NAME, prepared.uri, preparation)
        _copy("schema.pbtxt", prepared.uri, artifact_utils.get_single_uri(output_dict["prepared_schema"]))
        _move_reported(prepared.uri, preparation)
        tfx_artifacts.describe_prepared(prepared, sources, splits)
        _LOG.info("%s", _summary(manifest.counts))

    def _keep_rejects(self, prepared: str) -> str:
        """Moves the report and the rejects of a failed run, as TFX deletes a failed node's outputs.

        Returns:
            The folder that contains them.
        """
        kept = self._context.stateful_working_dir if self._context else None
        if not kept:  # as in Kubeflow, which deletes nothing
            return prepared
        _move_reported(prepared, kept)
        return str(kept)


def _compare(prepared: str, baseline: str, path: str) -> None:
    """Writes the changes since the baseline, as JSON and into the report."""
    drifts = compare_manifests(load_manifest(prepared), load_manifest(baseline))
    files.write_bytes(path, visible_json(comparison_json(drifts, DriftLimits()), indent=2).encode())
    write_report(prepared, compare=baseline)
    for drift in flagged(drifts):
        _LOG.warning("%s moved: %s", visible(drift.key), visible("; ".join(drift.flags)))


def _log_message(event: Event) -> None:
    if event.message:
        _LOG.info("%s", visible(event.message))


def _summary(counts: Counts) -> str:
    return f"read {counts.read:,} records, wrote {counts.written:,}, rejected {sum(counts.rejected.values()):,}"


def _schema_path(schemas: list[Artifact] | None) -> str | None:
    return f"{artifact_utils.get_single_uri(schemas)}/schema.pbtxt" if schemas else None


def _copy(name: str, source: str, target: str) -> None:
    fileio.makedirs(target)
    fileio.copy(f"{source}/{name}", f"{target}/{name}", overwrite=True)


def _remove_moved_files(path: str) -> None:
    """Removes moved files from the manifest of the prepared data, so that `lengthwise verify` passes there."""
    files.write_bytes(path, without_files(files.read_bytes(path).decode(), _is_moved).encode())


def _is_moved(path: str) -> bool:
    """Whether a file of a data set moves to the artifact `preparation`."""
    return path.split("/")[0] in _REPORTED


def _move_reported(source: str, target: str) -> None:
    """Moves the report and the rejects, file by file: object stores cannot rename folders."""
    for folder, _, names in list(fileio.walk(source)):
        relative = str(folder)[len(source) :].strip("/")
        for name in names:
            path = f"{relative}/{name}".lstrip("/")
            if _is_moved(path):
                fileio.makedirs(f"{target}/{relative}")
                fileio.rename(f"{source}/{path}", f"{target}/{path}", overwrite=True)
    if fileio.exists(f"{source}/rejects"):
        fileio.rmtree(f"{source}/rejects")
