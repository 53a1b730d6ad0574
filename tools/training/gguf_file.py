"""Reads a model that was exported here back from its GGUF, and finds python3-gguf in the private llama.cpp root."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

import torch

from model import Model, ModelShape
from tokenizer import Tokenizer


def gguf_module(llama_root: Path) -> ModuleType:
    folder = str(llama_root / "usr/lib/python3/dist-packages")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import gguf  # type: ignore[import-not-found]

    return gguf


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(path: Path, llama_root: Path) -> tuple[Model, Tokenizer]:
    """The model with its weights as the quantised file has them, and its tokenizer. A ValueError says what is missing."""
    gguf = gguf_module(llama_root)
    reader = gguf.GGUFReader(str(path))

    def field(name: str) -> object:
        if name not in reader.fields:
            raise ValueError(f"{path}: no {name}; only models made here can be read back")
        return reader.fields[name].contents()

    merges = [tuple(pair.split(" ")) for pair in field("tokenizer.ggml.merges")]  # type: ignore[attr-defined]
    tokens = list(field("tokenizer.ggml.tokens"))  # type: ignore[call-overload]
    tokenizer = Tokenizer(merges, str(field("tokenizer.ggml.pre")))  # type: ignore[arg-type]
    if tokenizer.tokens != tokens:
        raise ValueError(f"{path}: its tokenizer is of another kind")
    shape = ModelShape(
        vocabulary=len(tokens),
        context=int(field("llama.context_length")),  # type: ignore[call-overload]
        width=int(field("llama.embedding_length")),  # type: ignore[call-overload]
        layers=int(field("llama.block_count")),  # type: ignore[call-overload]
        heads=int(field("llama.attention.head_count")),  # type: ignore[call-overload]
        hidden=int(field("llama.feed_forward_length")),  # type: ignore[call-overload]
    )
    model = Model(shape)
    weights = {t.name: torch.from_numpy(gguf.quants.dequantize(t.data, t.tensor_type).copy()) for t in reader.tensors}
    _fill(model, weights)
    return model, tokenizer


def _fill(model: Model, weights: dict[str, torch.Tensor]) -> None:
    state = {"embedding.weight": weights["token_embd.weight"], "output_norm.weight": weights["output_norm.weight"]}
    for index in range(model.shape.layers):
        old, new = f"blk.{index}.", f"blocks.{index}."
        state[new + "attention_norm.weight"] = weights[old + "attn_norm.weight"]
        state[new + "hidden_norm.weight"] = weights[old + "ffn_norm.weight"]
        state[new + "attention_out.weight"] = weights[old + "attn_output.weight"]
        state[new + "down.weight"] = weights[old + "ffn_down.weight"]
        state[new + "query_key_value.weight"] = torch.cat([weights[f"{old}attn_{part}.weight"] for part in "qkv"])
        state[new + "gate_up.weight"] = torch.cat([weights[f"{old}ffn_{part}.weight"] for part in ("gate", "up")])
    shapes = {name: value.shape for name, value in state.items()}
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    if shapes != wanted:
        raise ValueError("the file's tensors have other shapes than its metadata says")
    model.load_state_dict(state)
