"""The llama architecture, small: RMS norm, rotary attention with interleaved pairs, SwiGLU, tied embeddings.

Interleaved pairs are what llama.cpp's "llama" graph computes, so the query and key matrices export as they are.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING_STD = 0.06
MATRIX_STD = 0.04


@dataclass(frozen=True)
class ModelShape:
    vocabulary: int
    context: int = 768  # tokens
    width: int = 256
    layers: int = 2
    heads: int = 4
    hidden: int = 512
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


class RmsNorm(nn.Module):
    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotary_table(shape: ModelShape) -> tuple[Tensor, Tensor]:
    """cos and sin, each [context, head width / 2]."""
    head_width = shape.width // shape.heads
    frequency = shape.rope_base ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angle = torch.arange(shape.context, dtype=torch.float64)[:, None] * frequency[None, :]
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns the pairs (x[2i], x[2i+1]) of [batch, heads, time, head width] by their position's angle."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Block(nn.Module):
    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = RmsNorm(shape.width, shape.norm_epsilon)
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.hidden_norm = RmsNorm(shape.width, shape.norm_epsilon)
        self.gate_up = nn.Linear(shape.width, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def attend(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        batch, time, width = x.shape
        per_head = self.query_key_value(self.attention_norm(x)).view(batch, time, 3, self.heads, width // self.heads)
        query, key, value = per_head.permute(2, 0, 3, 1, 4)
        scale = 1.0 / math.sqrt(width // self.heads)
        scores = (rotate(query, cos, sin) * scale) @ rotate(key, cos, sin).transpose(-2, -1)
        weights = (scores + mask).softmax(dim=-1)
        return x + self.attention_out((weights @ value).transpose(1, 2).reshape(batch, time, width))

    def attend_after(
        self, head: Tensor, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor, at: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The same for sequences that all begin with `head` [1, length, width], whose states are so computed once.
        Returns head and sequences; with `at` [batch, n] the head as it was and only these positions of the sequences."""
        length, (batch, time, width) = head.shape[1], x.shape
        per_head = width // self.heads
        matrix = self.query_key_value.weight
        normed_head, normed = self.attention_norm(head), self.attention_norm(x)

        def split(values: Tensor) -> Tensor:
            return values.view(*values.shape[:2], -1, per_head).transpose(1, 2)

        def keys_values(values: Tensor, start: int) -> tuple[Tensor, Tensor]:
            key, value = functional.linear(values, matrix[width:]).chunk(2, dim=-1)
            end = start + values.shape[1]
            return rotate(split(key), cos[start:end], sin[start:end]), split(value)

        head_keys, head_values = keys_values(normed_head, 0)
        own_keys, own_values = keys_values(normed, length)
        keys = torch.cat((head_keys.expand(batch, -1, -1, -1), own_keys), dim=2)
        values = torch.cat((head_values.expand(batch, -1, -1, -1), own_values), dim=2)
        query_matrix, scale = matrix[:width], 1.0 / math.sqrt(per_head)

        def answer(base: Tensor, queries: Tensor, keys: Tensor, values: Tensor, allowed: Tensor) -> Tensor:
            weights = ((queries * scale) @ keys.transpose(-2, -1) + allowed).softmax(dim=-1)
            return base + self.attention_out((weights @ values).transpose(1, 2).flatten(2))

        if at is not None:
            rows = at.unsqueeze(-1).expand(-1, -1, width)
            base, chosen = x.gather(1, rows), normed.gather(1, rows)
            places = at + length
            queries = rotate(split(functional.linear(chosen, query_matrix)), cos[places].unsqueeze(1), sin[places].unsqueeze(1))
            return head, answer(base, queries, keys, values, mask[places, : length + time].unsqueeze(1))
        queries = rotate(split(functional.linear(normed, query_matrix)), cos[length : length + time], sin[length : length + time])
        out = answer(x, queries, keys, values, mask[length : length + time, : length + time])
        head_queries = rotate(split(functional.linear(normed_head, query_matrix)), cos[:length], sin[:length])
        return answer(head, head_queries, head_keys, head_values, mask[:length, :length]), out

    def feed(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(self.hidden_norm(x)).chunk(2, dim=-1)
        return x + self.down(functional.silu(gate) * up)


class Model(nn.Module):
    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = RmsNorm(shape.width, shape.norm_epsilon)
        cos, sin = rotary_table(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        mask = torch.full((shape.context, shape.context), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        # The embeddings start large beside what the blocks add, so that deeper layers still see which token it was.
        residual_scale = 1.0 / math.sqrt(2 * self.shape.layers)
        for name, parameter in self.named_parameters():
            if parameter.dim() != 2:
                continue
            if name.startswith("embedding"):
                std = EMBEDDING_STD
            else:
                std = MATRIX_STD * (residual_scale if name.endswith(("attention_out.weight", "down.weight")) else 1.0)
            nn.init.normal_(parameter, std=std)

    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, tokens: Tensor, positions: Tensor, token_dropout: float = 0.0) -> Tensor:
        """Logits [len(positions), vocabulary] at these indices of the flattened `tokens` [batch, time].

        Only what they need of the last block is computed. Padding belongs at the end: attention looks back only.
        """
        x = self.embedding(tokens)
        if token_dropout > 0.0:
            x = x * (torch.rand(tokens.shape) >= token_dropout).unsqueeze(-1)
        time = tokens.shape[1]
        for index, block in enumerate(self.blocks):
            x = block.attend(x, self.cos[:time], self.sin[:time], self.mask[:time, :time])
            if index == len(self.blocks) - 1:
                x = x.flatten(0, 1)[positions]
            x = block.feed(x)
        return self.output_norm(x) @ self.embedding.weight.T

    def answers(self, head: Tensor, tokens: Tensor, at: Tensor, token_dropout: float = 0.0) -> Tensor:
        """Logits [batch, n, vocabulary] at `at` [batch, n] of `tokens` [batch, time], which all follow after `head`.

        The same as forward() over head and tokens, in about half the time: the head is computed once, and of the last
        block only what the answers need.
        """
        first, x = self.embedding(head).unsqueeze(0), self.embedding(tokens)
        if token_dropout > 0.0:
            x = x * (torch.rand(tokens.shape) >= token_dropout).unsqueeze(-1)
        for index, block in enumerate(self.blocks):
            last = index == len(self.blocks) - 1
            first, x = block.attend_after(first, x, self.cos, self.sin, self.mask, at if last else None)
            x = block.feed(x)
            first = first if last else block.feed(first)
        return self.output_norm(x) @ self.embedding.weight.T
