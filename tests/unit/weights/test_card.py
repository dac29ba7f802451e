import pytest

from cistron.weights.card import read_card, write_card


def test_a_card_survives_writing_and_reading(tmp_path):
    card = {
        "license": "mit",
        "tags": ["dna", "vcf: yes"],
        "tokens_seen": 12_000_000,
        "loss": {"chr20": 1.35},
        "odd": 'quote " colon: hash # über',
        "text": "# Title\\n\\n---\\n\\nBody --- with rules",
    }
    write_card(tmp_path / "README.md", card)
    assert read_card(tmp_path / "README.md") == card


def test_the_metadata_is_yaml_that_a_hub_reads(tmp_path):
    from huggingface_hub.repocard import metadata_load

    metadata = {"license": "mit", "tags": ["dna"], "loss": {"chr20": 1.35}, "note": "a: b # c"}
    write_card(tmp_path / "README.md", metadata | {"text": "Text"})
    assert metadata_load(tmp_path / "README.md") == metadata


def test_a_card_written_elsewhere_is_read(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: mit\ntags:\n- dna\n- moe\n---\n# Genos\n")
    assert read_card(tmp_path / "README.md") == {"license": "mit", "tags": ["dna", "moe"], "text": "# Genos"}


@pytest.mark.parametrize(
    "content", ["just text", "", "---\nno end", "---\n[1, 2\n---\ntext", "---\n- a\n---\ntext"]
)
def test_a_card_without_readable_metadata_is_all_text(tmp_path, content):
    (tmp_path / "README.md").write_text(content)
    assert read_card(tmp_path / "README.md") == {"text": content}


def test_no_card_is_an_empty_one(tmp_path):
    assert read_card(tmp_path / "README.md") == {}
