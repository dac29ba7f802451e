from __future__ import annotations

import pytest
import torch

from cistron.inference.chunks import CHUNK_TOKENS, chunk_tokens, read_chunks
from cistron.models.genos import MODEL

EXACT = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return MODEL.build(MODEL.sizes["genos-tiny"]).double().eval()


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(5, 9, (2, 50), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [1, 7, 25, 49, 50, 51])
def test_chunks_give_what_one_pass_gives(model: torch.nn.Module, ids: torch.Tensor, size: int) -> None:
    with torch.no_grad():
        whole = model(ids)
        parts = list(read_chunks(model, ids, size=size))
    assert [columns.start for columns, _ in parts] == list(range(0, 50, size))
    torch.testing.assert_close(torch.cat([o.logits for _, o in parts], dim=1), whole.logits, **EXACT)


def test_a_chunk_shrinks_with_the_batch_and_is_never_larger_than_usual() -> None:
    assert [chunk_tokens(tokens) for tokens in (10**6, 4096, 1024, 256, 1)] == [
        *(CHUNK_TOKENS, CHUNK_TOKENS, 2048, 512, 512)
    ]


def test_a_short_input_keeps_no_state(model: torch.nn.Module, ids: torch.Tensor) -> None:
    with torch.no_grad():
        ((columns, output),) = read_chunks(model, ids, size=50)
    assert columns == slice(0, 50)
    assert output.state is None


def test_a_given_state_is_continued(model: torch.nn.Module, ids: torch.Tensor) -> None:
    with torch.no_grad():
        whole = model(ids).logits
        state = model(ids[:, :20], model.empty_state(2)).state
        logits = torch.cat([o.logits for _, o in read_chunks(model, ids[:, 20:], state, size=8)], dim=1)
    torch.testing.assert_close(logits, whole[:, 20:], **EXACT)


def test_rows_of_mixed_length_are_read_to_their_own_end(model: torch.nn.Module, ids: torch.Tensor) -> None:
    lengths = torch.tensor([50, 13])
    with torch.no_grad():
        alone = model(ids[1:, :13]).logits
        parts = list(read_chunks(model, ids, size=10, lengths=lengths))
    logits = torch.cat([output.logits for _, output in parts], dim=1)
    torch.testing.assert_close(logits[1:, :13], alone, **EXACT)
    assert parts[-1][1].state.lengths.tolist() == [50, 13]


def test_only_the_last_chunk_is_asked_for_its_last_token(model: torch.nn.Module, ids: torch.Tensor) -> None:
    with torch.no_grad():
        whole = model(ids).logits[:, -1:]
        outputs = [output for _, output in read_chunks(model, ids, size=20, last_only=True)]
    assert [output.logits is None for output in outputs] == [True, True, False]
    torch.testing.assert_close(outputs[-1].logits, whole, **EXACT)
