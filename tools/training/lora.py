"""LoRA (Hu et al., 2021): low-rank changes of a frozen base, trained here, written as a GGUF adapter for llama.cpp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional

from gguf_file import gguf_module
from model import Model

# llama.cpp's tensors within ours, in the order in which ours holds their rows.
PARTS = {
    "query_key_value": ("attn_q", "attn_k", "attn_v"),
    "attention_out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}


@dataclass(frozen=True)
class Adapter:
    """Ranks below 16 miss llama.cpp's fast path and are slower than 16 (measured), so 16 is the least that makes sense."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05


class LoraLinear(nn.Module):
    """A frozen matrix plus alpha / rank * B A for each of its parts. B starts at zero: at first nothing changes."""

    def __init__(self, base: nn.Linear, parts: tuple[str, ...], adapter: Adapter) -> None:
        super().__init__()
        self.register_buffer("base", base.weight.detach().clone())
        self.adapter = adapter
        self.parts = parts  # in order: a ParameterDict sorts its names
        rows = base.out_features // len(parts)
        self.a = nn.ParameterDict({name: nn.Parameter(torch.empty(adapter.rank, base.in_features)) for name in parts})
        self.b = nn.ParameterDict({name: nn.Parameter(torch.zeros(rows, adapter.rank)) for name in parts})
        for matrix in self.a.values():
            nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        out = functional.linear(x, self.base)
        if self.training and self.adapter.dropout > 0:
            x = functional.dropout(x, self.adapter.dropout)
        scale = self.adapter.alpha / self.adapter.rank
        return out + scale * torch.cat([(x @ self.a[name].T) @ self.b[name].T for name in self.parts], dim=-1)


def attach(model: Model, adapter: Adapter) -> None:
    """Freezes the model and gives every linear layer of its blocks its low-rank change."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for block in model.blocks:
        for name, parts in PARTS.items():
            setattr(block, name, LoraLinear(getattr(block, name), parts, adapter))


def tensors(model: Model) -> dict[str, numpy.ndarray]:
    """The changes under llama.cpp's names."""
    out = {}
    for index, block in enumerate(model.blocks):
        for name, parts in PARTS.items():
            layer = getattr(block, name)
            for part in parts:
                out[f"blk.{index}.{part}.weight.lora_a"] = layer.a[part].detach().numpy().astype(numpy.float32)
                out[f"blk.{index}.{part}.weight.lora_b"] = layer.b[part].detach().numpy().astype(numpy.float32)
    return out


def write(path: Path, model: Model, adapter: Adapter, about: dict[str, Any], llama_root: Path) -> None:
    """Writes the adapter. `about` goes into the metadata: strings, and lists of strings, by key."""
    gguf = gguf_module(llama_root)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, adapter.alpha)
    for key, value in about.items():
        writer.add_array(key, value) if isinstance(value, list) else writer.add_string(key, value)
    for name, array in tensors(model).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
