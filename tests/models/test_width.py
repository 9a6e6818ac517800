"""The width that the files of a model declare is that of its embeddings."""

import pytest

from harness.errors import CheckpointError
from harness.models import declared_width


def test_modules_that_are_no_list_are_refused(tmp_path):
    (tmp_path / "modules.json").write_text('{"type": "x.Pooling"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="expected a list of modules"):
        declared_width(tmp_path)


def test_pooling_decides_after_the_transformer(tiny_base_path):
    assert 32 == declared_width(tiny_base_path)


CONFIGS = {
    "old names": (
        '{"word_embedding_dimension": 8, "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}',
        8,
    ),
    "two poolings": (
        '{"word_embedding_dimension": 8, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}',
        16,
    ),
    "new names": ('{"embedding_dimension": 8, "pooling_mode": "mean"}', 8),
    "several": ('{"embedding_dimension": 8, "pooling_mode": ["mean", "cls"]}', 16),
    "unknown": ("{}", None),
}


@pytest.mark.parametrize(("config", "width"), CONFIGS.values(), ids=CONFIGS)
def test_poolings_are_put_side_by_side_and_a_dense_layer_has_the_last_word(tmp_path, config, width):
    modules = '{"type": "sentence_transformers.models.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1"}'
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "config.json").write_text(config, encoding="utf-8")
    (tmp_path / "modules.json").write_text(f"[{modules}]", encoding="utf-8")
    assert width == declared_width(tmp_path)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "config.json").write_text('{"out_features": 5}', encoding="utf-8")
    (tmp_path / "modules.json").write_text(f'[{modules}, {{"type": "x.Dense", "path": "2"}}]', encoding="utf-8")
    assert 5 == declared_width(tmp_path)
