"""Training on prepared data needs neither Beam nor tfx-bsl, and jobs do not import TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = "import sys\nfor name in {missing}:\n    sys.modules[name] = None\nimport lengthwise as lw\n"
WRITE = """
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample
records = []
for length in range(1, 17):
    record = SequenceExample()
    record.context.feature["label"].int64_list.value.append(length % 2)
    for step in range(length):
        record.feature_lists.feature_list["x"].feature.add().float_list.value.append(step)
        record.feature_lists.feature_list["id"].feature.add().int64_list.value.append(step)
    records.append(record.SerializeToString())
with open("raw.tfrecord", "wb") as stream:
    stream.write(frame(records))
with open("job.yaml", "w") as stream:
    stream.write('''
inputs: {files: raw.tfrecord}
columns:
  - {kind: numeric, key: x}
  - {kind: identity, key: id, num_buckets: 16}
  - {kind: context, key: label, dtype: int64}
output: {path: prepared}
''')
"""
PREPARE = """
lw.prepare("job.yaml", workers=1)
lw.verify("prepared")
lw.prepare("job.yaml", output="by_beam", runner_options=["--runner=FnApiRunner", "--direct_num_workers=1"])
print("prepared", sys.modules["tensorflow"])
"""
TRAIN = """
import keras
data = lw.open("prepared")
layer = lw.SequenceFeatures(data.columns.only("x"))
model = keras.Sequential([layer, keras.layers.GRU(2), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(data.read("train", batch_size=8, labels="label", features=["x", "sequence_length"]), verbose=0)
lw.export(model, data, "serving")
print("trained")
"""


def _run(folder: Path, missing: tuple[str, ...], program: str) -> subprocess.CompletedProcess[str]:
    program = BLOCKED.format(missing=missing) + program
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_jobs_run_without_tensorflow_and_training_without_beam(tmp_path: Path) -> None:
    done = _run(tmp_path, ("tensorflow", "keras", "tf_keras"), WRITE + PREPARE)
    assert done.stdout == "prepared None\n", done.stderr
    done = _run(tmp_path, ("apache_beam", "tfx_bsl"), TRAIN)
    assert done.stdout == "trained\n", done.stderr


@pytest.mark.parametrize("call", ["lw.prepare('job.yaml')", "lw.count_raw('job.yaml')"])
def test_without_tfx_bsl_the_message_names_the_extra(tmp_path: Path, call: str) -> None:
    done = _run(tmp_path, ("apache_beam", "tfx_bsl"), f"{WRITE}\n{call}")
    assert "EnvironmentFailure: preparing data and reading raw files need tfx-bsl" in done.stderr
    assert 'pip install "lengthwise[prepare]"' in done.stderr


@pytest.mark.parametrize(("path", "extra"), [("s3://bucket/prepared", "aws"), ("hdfs://host/prepared", "hdfs")])
def test_a_remote_path_without_beam_names_the_extra(tmp_path: Path, path: str, extra: str) -> None:
    done = _run(tmp_path, ("apache_beam",), f"lw.open({path!r})")
    assert f'needs Beam: pip install "lengthwise[{extra}]"' in done.stderr
