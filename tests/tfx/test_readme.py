"""README's snippet about TFX builds components that fit together."""

from readme.blocks import blocks


def test_the_snippet_builds_a_pipeline(tmp_path, monkeypatch):
    from tfx import v1 as tfx

    (tmp_path / "job.yaml").write_text("columns: [{kind: identity, key: items, num_buckets: 1000}]")
    (tmp_path / "train.py").write_text("def run_fn(fn_args): ...")
    monkeypatch.chdir(tmp_path)
    [block] = blocks("tfx")
    names: dict = {}
    exec(compile(block.text, "README.md", "exec"), names)  # noqa: S102
    nodes = [names[name] for name in ("example_gen", "prep", "trainer")]
    pipeline = tfx.dsl.Pipeline(pipeline_name="readme", pipeline_root=str(tmp_path), components=nodes)
    assert [type(node).__name__ for node in pipeline.components] == ["ImportExampleGen", "SequencePrep", "Trainer"]
