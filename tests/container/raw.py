"""Raw records for the container to prepare: real SequenceExamples, many of them, written in a second."""

from pathlib import Path

from lengthwise.records.container.frame_writing import frame

DISTINCT = 500
CONFIG = """\
inputs:
  files: raw/*.tfrecord
columns:
  - kind: identity
    key: items
    num_buckets: 1000
buckets:
  boundaries: [8, 16, 32, 64]
output:
  path: prepared
"""


def write_job(folder: Path, files: int, repeats: int) -> int:
    """Writes a configuration and its raw files into a folder that any user may write to; returns the records in it."""
    import tensorflow as tf

    def record(number: int) -> bytes:
        steps = [tf.train.Feature(int64_list={"value": [(number * step) % 1000]}) for step in range(1 + number % 64)]
        lists = {"items": tf.train.FeatureList(feature=steps)}
        message = tf.train.SequenceExample(feature_lists=tf.train.FeatureLists(feature_list=lists))
        return bytes(message.SerializeToString())

    content = frame(record(number) for number in range(DISTINCT)) * repeats
    (folder / "raw").mkdir(parents=True)
    for index in range(files):
        (folder / "raw" / f"part-{index:03d}.tfrecord").write_bytes(content)
    (folder / "job.yaml").write_text(CONFIG)
    for path in (folder, folder / "raw"):
        path.chmod(0o777)
    return files * repeats * DISTINCT


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a prepared data set but the report, which tells the time."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".html")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
