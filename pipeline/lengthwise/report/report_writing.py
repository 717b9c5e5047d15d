"""Writes the `report.html` of the data set in a folder."""

from collections.abc import Iterator

from lengthwise.manifest import Manifest, load_manifest
from lengthwise.reject_reasons import Reject
from lengthwise.report.data_set_names import name_of, names_of
from lengthwise.report.reject_examples import first_examples
from lengthwise.report.report_page import render_report
from lengthwise.storage import files

REPORT_NAME = "report.html"


def write_report(folder: str, output: str | None = None, compare: str | None = None) -> str:
    """Writes the report of a prepared data set.

    Args:
        folder: the data set's folder.
        output: the file to write; None for `report.html` in the folder.
        compare: the folder of another data set to compare this one with; drift is flagged.

    Returns:
        The path of the report.

    Raises:
        DatasetError: one of the folders contains no complete data set, or its rejects are damaged.
        EnvironmentFailure: the file cannot be written.
    """
    from lengthwise.records.rejected.kept_rejects import refuse_damaged_rejects

    manifest = load_manifest(folder)
    refuse_damaged_rejects(folder, manifest)
    other = None if compare is None else load_manifest(compare)
    name, compare_name = (name_of(folder), "") if compare is None else names_of(folder, compare)
    page = render_report(manifest, read_examples(folder, manifest), other, name=name, compare_name=compare_name)
    path = output or files.join(folder, REPORT_NAME)
    files.write_bytes(path, page.encode())
    return path


def read_examples(folder: str, manifest: Manifest) -> list[Reject]:
    """Some rejects of each reason from the data set's rejects files."""
    return first_examples(_read_rejects(files.join(folder, "rejects")), manifest.counts.rejected)


def _read_rejects(folder: str) -> Iterator[Reject]:
    from lengthwise.records.rejected.reject_files import read_rejects

    for name in files.list_tree(folder):
        with files.open_binary(files.join(folder, name)) as stream:
            yield from read_rejects(stream)
