"""The loss of a label as the engine decides it: at every token of it, only among the tokens with which some label goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


class LabelTrie:
    """Which tokens may follow which beginning of a label."""

    def __init__(self, labels: Sequence[Sequence[int]], vocabulary: int) -> None:
        """`labels`: token ids, each ending with the end token."""
        children: dict[tuple[int, ...], set[int]] = {}
        for label in labels:
            for length, token in enumerate(label):
                children.setdefault(tuple(label[:length]), set()).add(token)
        self._node = {start: index for index, start in enumerate(children)}
        self._mask = torch.full((len(children), vocabulary), float("-inf"))
        for start, tokens in children.items():
            self._mask[self._node[start], sorted(tokens)] = 0.0

    def nodes(self, label: Sequence[int]) -> list[int]:
        """For every token of the label, the place in the trie where it is chosen."""
        return [self._node[tuple(label[:length])] for length in range(len(label))]

    def loss(self, logits: Tensor, nodes: Tensor, targets: Tensor) -> Tensor:
        """Summed over the rows: minus the log of the probability that the engine gives the labels."""
        return functional.cross_entropy(logits + self._mask[nodes], targets, reduction="sum")
