"""A cheap start for a small transformer: embeddings under which the mean of a prompt's tokens already says the label.

With queries and keys near zero the first block attends to all tokens alike. With values and output the identity it adds the
mean of the (normed) token embeddings to the last position, and the tied output matrix reads the label from it: a linear
classifier of tokens. Training that much alone takes seconds; the transformer then starts from it instead of from noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy
import torch
from torch.nn import functional

from model import Model

GAIN = 2.0  # of the mean, beside the last token's own embedding
NOISE_SHARE = 0.3  # of the usual start, for what else is added to the stream
BATCH = 256


def _normed(x: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def start(
    model: Model,
    prompt: Callable[[int], Sequence[int]],
    targets: numpy.ndarray,
    label_tokens: Sequence[int],
    epochs: int,
    seed: int,
) -> float:
    """Trains the embeddings in place on whole prompts and soft targets, and sets the blocks to use them. `prompt` gives that
    of a row of the targets, each time it is asked. Returns the last epoch's accuracy on what it learned from."""
    generator = numpy.random.default_rng(seed)
    embedding = torch.nn.Parameter(model.embedding.weight.detach().clone())
    scale = torch.nn.Parameter(torch.tensor(1.0))
    optimiser = torch.optim.Adam([embedding, scale], lr=4e-3)
    wanted, labels = torch.from_numpy(targets), torch.tensor(label_tokens)
    right = 0
    for epoch in range(epochs):
        right = 0
        for group in optimiser.param_groups:
            group["lr"] = 4e-3 * (1 - epoch / epochs)
        order = generator.permutation(len(targets))
        for begin in range(0, len(order), BATCH):
            chosen = order[begin : begin + BATCH]
            prompts = [prompt(int(row)) for row in chosen]
            kept = [[t for t, keep in zip(tokens, generator.random(len(tokens)) >= 0.15) if keep] or [0] for tokens in prompts]
            offsets = torch.tensor([0, *numpy.cumsum([len(tokens) for tokens in kept])[:-1]])
            mean = functional.embedding_bag(torch.tensor(sum(kept, [])), _normed(embedding), offsets, mode="mean")
            last = embedding[torch.tensor([tokens[-1] for tokens in prompts])]
            logits = scale * (_normed(last + GAIN * mean) @ embedding[labels].T)
            soft = wanted[chosen]
            loss = -(soft * logits.log_softmax(-1)).sum() / len(chosen)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            right += int((logits.argmax(-1) == soft.argmax(-1)).sum())
    _set(model, embedding.detach(), float(scale))
    return right / len(targets)


def _set(model: Model, embedding: torch.Tensor, scale: float) -> None:
    width = model.shape.width
    with torch.no_grad():
        model.embedding.weight.copy_(embedding)
        model.output_norm.weight.fill_(scale)
        for index, block in enumerate(model.blocks):
            block.down.weight.mul_(NOISE_SHARE)
            block.attention_out.weight.mul_(NOISE_SHARE)
            if index == 0:
                block.query_key_value.weight[: 2 * width].mul_(0.5)
                block.query_key_value.weight[2 * width :].copy_(torch.eye(width))
                block.attention_out.weight.copy_(GAIN * torch.eye(width))
