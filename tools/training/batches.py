"""Turns examples into padded batches of about equal length, one stream per task."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from data import Example, Sampler
from prompt import PromptEncoder


@dataclass(frozen=True)
class Sequence:
    tokens: list[int]
    label_start: int  # index of the label's first token


@dataclass(frozen=True)
class Batch:
    """`inputs` [examples, time]; the other fields index the flattened positions whose next token is to be guessed."""

    inputs: Tensor
    label_positions: Tensor
    label_targets: Tensor
    text_positions: Tensor
    text_targets: Tensor
    examples: int
    tokens: int


def encode(encoder: PromptEncoder, example: Example, context: int) -> Sequence:
    label = encoder.label(example.label)
    prompt = encoder.prompt(example.task, example.text, context - encoder.overhead() - len(label))
    return Sequence(prompt + label, len(prompt))


def collate(sequences: list[Sequence], text_share: float, rng: random.Random) -> Batch:
    """Pads to the longest. Only a random `text_share` of the text's positions is guessed: it saves the big product."""
    time = max(len(sequence.tokens) for sequence in sequences) - 1
    inputs = torch.zeros((len(sequences), time), dtype=torch.long)
    label_at: list[int] = []
    label_is: list[int] = []
    text_at: list[int] = []
    text_is: list[int] = []
    for row, sequence in enumerate(sequences):
        tokens = sequence.tokens
        inputs[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        for position in range(len(tokens) - 1):
            if position + 1 >= sequence.label_start:
                label_at.append(row * time + position)
                label_is.append(tokens[position + 1])
            elif rng.random() < text_share:
                text_at.append(row * time + position)
                text_is.append(tokens[position + 1])
    return Batch(
        inputs,
        torch.tensor(label_at),
        torch.tensor(label_is),
        torch.tensor(text_at, dtype=torch.long),
        torch.tensor(text_is, dtype=torch.long),
        len(sequences),
        sum(len(sequence.tokens) - 1 for sequence in sequences),
    )


def stream(
    task: str, sampler: Sampler, encoder: PromptEncoder, context: int, tokens_per_batch: int, rng: random.Random
) -> Iterator[list[Sequence]]:
    """Endless epochs of a task, sorted by length within windows of some thousand examples, batches in random order."""
    while True:
        sequences = [encode(encoder, example, context) for example in sampler.epoch(task, rng)]
        batches: list[list[Sequence]] = []
        for start in range(0, len(sequences), 2000):
            batches += cut(sorted(sequences[start : start + 2000], key=lambda s: len(s.tokens)), tokens_per_batch)
        rng.shuffle(batches)
        yield from batches


def cut(ordered: list[Sequence], tokens_per_batch: int) -> list[list[Sequence]]:
    batches: list[list[Sequence]] = [[]]
    for sequence in ordered:
        if batches[-1] and (len(batches[-1]) + 1) * len(sequence.tokens) > tokens_per_batch:
            batches.append([])
        batches[-1].append(sequence)
    return batches
