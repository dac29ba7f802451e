"""The fused model: DNA spliced into the embeddings of a text; loss, likelihoods of answers, generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cistron.fusion.language import Language
from cistron.fusion.projector import Projector
from cistron.fusion.prompt import Prompt
from cistron.fusion.sharing import gather
from cistron.heads import Hidden

_NOT_SAID = -100


class Fused(nn.Module):
    """A language model, frozen but for its adapters, that reads DNA through a projector.

    Args:
        language: With adapters, if there are to be any.
        projector: None for a model of text alone.
    """

    def __init__(self, language: Language, projector: Projector | None) -> None:
        super().__init__()
        self.language = language
        self.projector = projector
        # Outside of the module tree: checkpoints hold what is trained, and nothing of the base.
        adapters = {
            name.replace(".", ":"): parameter
            for name, parameter in language.model.named_parameters()
            if parameter.requires_grad
        }
        self.adapters = nn.ParameterDict(adapters)

    @property
    def device(self) -> torch.device:
        """Where the language model is."""
        return self.language.embeddings.weight.device

    def train(self, mode: bool = True) -> Fused:
        """Dropout on or off, in the language model's adapters too."""
        self.language.model.train(mode)
        super().train(mode)
        return self

    def loss(
        self, prompts: Sequence[Prompt], dna: Sequence[Hidden] = (), *, zeroed: bool = False
    ) -> Float[Tensor, ""]:
        """Sum of the negative log-likelihood of the answers' tokens, end marks among them, in nats."""
        embedded, mask, labels = self._laid_out(prompts, dna, zeroed=zeroed)
        said = max(len(prompt.answer) for prompt in prompts)
        logits = self._read(embedded, mask, logits_to_keep=said + 1).logits[:, :-1]
        wanted = labels[:, -said:]
        return F.cross_entropy(
            logits.float().flatten(0, 1), wanted.flatten(), ignore_index=_NOT_SAID, reduction="sum"
        )

    @torch.no_grad()
    def rank(
        self,
        prompts: Sequence[Prompt],
        answers: Sequence[Sequence[int]],
        dna: Sequence[Hidden] = (),
        *,
        zeroed: bool = False,
    ) -> Float[Tensor, "B N"]:
        """Log-likelihood of each answer after each prompt, in nats, in float64; every prompt is read once."""
        embedded, mask, _ = self._laid_out(prompts, dna, zeroed=zeroed)
        output = self._read(embedded, mask, use_cache=True, logits_to_keep=1)
        output.past_key_values.batch_repeat_interleave(len(answers))
        ids = self._padded(answers).repeat(len(prompts), 1)
        mask = F.pad(mask.repeat_interleave(len(answers), dim=0), (0, ids.shape[1]), value=1)
        more = self._model(
            inputs_embeds=self.language.embeddings(ids.clamp(min=0)),
            attention_mask=mask,
            position_ids=_positions(mask)[:, -ids.shape[1] :],
            past_key_values=output.past_key_values,
            use_cache=True,
        ).logits
        first = output.logits.repeat_interleave(len(answers), dim=0)
        log_p = torch.cat([first, more[:, :-1]], dim=1).float().log_softmax(dim=-1)
        each = log_p.gather(2, ids.clamp(min=0)[..., None]).squeeze(2).double()
        return each.masked_fill(ids < 0, 0.0).sum(dim=1).view(len(prompts), len(answers))

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Prompt],
        dna: Sequence[Hidden] = (),
        *,
        stops: Sequence[int],
        max_new_tokens: int = 800,
        temperature: float = 0.0,
        top_p: float = 0.95,
        top_k: int = 20,
        seed: int = 0,
        streamer: Any = None,
        zeroed: bool = False,
    ) -> list[list[int]]:
        """Token ids that follow each prompt, up to a token of `stops`.

        Args:
            prompts: Without answers.
            dna: Hidden states of the reference sequences, and of the variant ones; none for text alone.
            stops: Tokens that end an answer.
            max_new_tokens: Most tokens of an answer.
            temperature: 0 takes the likeliest token every time.
            top_p: Of sampling.
            top_k: Of sampling.
            seed: Of sampling.
            streamer: A `transformers` streamer, told every token of a single prompt.
            zeroed: Read zeros in the place of DNA.
        """
        embedded, mask, _ = self._laid_out(prompts, dna, zeroed=zeroed)
        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": top_k}
        torch.manual_seed(seed)
        found = self._model.generate(
            inputs_embeds=embedded,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            eos_token_id=list(stops),
            pad_token_id=stops[0],
            streamer=streamer,
            **sampling,
        )
        return [_until(row, set(stops)) for row in found.tolist()]

    @property
    def _model(self) -> Any:
        return self.language.model

    def _read(self, embedded: Tensor, mask: Tensor, **options: Any) -> Any:
        return self._model(
            inputs_embeds=embedded, attention_mask=mask, position_ids=_positions(mask), **options
        )

    def _padded(self, answers: Sequence[Sequence[int]]) -> Int[Tensor, "N L"]:
        """Answers as rows, padded on the right with what is not said."""
        rows = [torch.tensor(answer) for answer in answers]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=_NOT_SAID)
        return padded.to(self.device)

    def _laid_out(
        self, prompts: Sequence[Prompt], dna: Sequence[Hidden], *, zeroed: bool
    ) -> tuple[Float[Tensor, "B L H"], Int[Tensor, "B L"], Int[Tensor, "B L"]]:
        """Embeddings with the DNA in its places, padded on the left; the mask, and what is to be said."""
        rows = [[*prompt.ids, *prompt.answer] for prompt in prompts]
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        labels, mask = torch.full_like(ids, _NOT_SAID), torch.zeros_like(ids)
        for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            ids[number, width - len(row) :] = torch.tensor(row)
            mask[number, width - len(row) :] = 1
            if prompt.answer:
                labels[number, -len(prompt.answer) :] = torch.tensor(prompt.answer)
        ids, mask, labels = (x.to(self.device) for x in (ids, mask, labels))
        gather(self.language.model)
        embedded = self.language.embeddings(ids.clamp(min=0))
        if self.projector is not None:
            embedded = self._spliced(embedded, ids, dna, zeroed=zeroed)
        return embedded, mask, labels

    def _spliced(
        self, embedded: Tensor, ids: Int[Tensor, "B L"], dna: Sequence[Hidden], *, zeroed: bool
    ) -> Tensor:
        assert self.projector is not None, "only a model that reads DNA has places for it"
        projected = [self._projected(hidden, zeroed=zeroed) for hidden in dna]
        # Row by row the places stand in the order reference, variant; so do their vectors.
        vectors = [states[row][real[row]] for row in range(len(ids)) for states, real in projected]
        embedded = embedded.clone()
        places = ids == -2
        if int(places.sum()) != sum(map(len, vectors)):
            raise ValueError(
                f"{int(places.sum())} places for {sum(map(len, vectors))} positions of DNA: prompts and "
                "sequences do not belong together"
            )
        for mark, end in ((-1, 0), (-3, 1)):
            embedded[ids == mark] = self.projector.ends[end].to(embedded.dtype)
        embedded[places] = torch.cat(vectors).to(embedded.dtype)
        return embedded

    def _projected(
        self, hidden: Hidden, *, zeroed: bool
    ) -> tuple[Float[Tensor, "B P H"], Bool[Tensor, "B P"]]:
        assert self.projector is not None, "only a model that reads DNA has places for it"
        states = self.projector(hidden)
        if zeroed:
            states = torch.zeros_like(states)
        assert hidden.lengths is not None, "the encoder says how long its rows are"
        taken = [self.projector.positions(int(length)) for length in hidden.lengths]
        places = torch.arange(states.shape[1], device=states.device)
        return states, places < torch.tensor(taken, device=states.device)[:, None]


def _positions(mask: Int[Tensor, "B L"]) -> Int[Tensor, "B L"]:
    """Place of each token in its own text, whatever stands on its left."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def _until(ids: list[int], stops: set[int]) -> list[int]:
    return ids[: next((place for place, token in enumerate(ids) if token in stops), len(ids))]
