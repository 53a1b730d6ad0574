"""Writes the model as GGUF (f32), with tokenizer, chat template and where it comes from, and has it quantised."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy

from gguf_file import gguf_module
from model import Model
from prompt import CHAT_TEMPLATE
from tokenizer import CONTROL_TOKENS, Tokenizer


@dataclass(frozen=True)
class About:
    """What a file says of itself. `recipe` is JSON that holds everything that decided the result."""

    name: str
    description: str
    datasets: Sequence[str]  # name, address, licence of each
    recipe: str
    recipe_sha256: str
    seed: int
    data_sha256: str = "{}"  # JSON: file of the data directory -> SHA-256


# Quantisation by tensor. Q4_0 with flash attention is the fastest prefill of the packaged ggml; the embeddings (also
# the output matrix, being tied) decide the probabilities and stay at 8 bits.
QUANTISATION = "Q4_0"
EMBEDDING_QUANTISATION = "q8_0"


def tensors(model: Model) -> dict[str, numpy.ndarray]:
    """The weights under llama.cpp's names. The output matrix is absent: it is the embedding."""
    out = {"token_embd.weight": model.embedding.weight, "output_norm.weight": model.output_norm.weight}
    for index, block in enumerate(model.blocks):
        query, key, value = block.query_key_value.weight.chunk(3)
        gate, up = block.gate_up.weight.chunk(2)
        named = {
            "attn_norm": block.attention_norm.weight,
            "attn_q": query,
            "attn_k": key,
            "attn_v": value,
            "attn_output": block.attention_out.weight,
            "ffn_norm": block.hidden_norm.weight,
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": block.down.weight,
        }
        out |= {f"blk.{index}.{name}.weight": weight for name, weight in named.items()}
    return {name: weight.detach().numpy().astype(numpy.float32) for name, weight in out.items()}


def write_gguf(path: Path, model: Model, tokenizer: Tokenizer, about: About, llama_root: Path) -> None:
    gguf = gguf_module(llama_root)
    shape = model.shape
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(about.name)
    writer.add_author("Suffice")
    writer.add_version("1")
    writer.add_description(about.description)
    writer.add_license("Apache-2.0")
    writer.add_languages(["en"])
    writer.add_array("general.datasets", list(about.datasets))
    writer.add_string("suffice.recipe", about.recipe)
    writer.add_string("suffice.recipe.sha256", about.recipe_sha256)
    writer.add_string("suffice.data.sha256", about.data_sha256)
    writer.add_uint32("suffice.seed", about.seed)

    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)

    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(tokenizer.pre)
    writer.add_token_list(tokenizer.tokens)
    kinds = [gguf.TokenType.CONTROL if t in CONTROL_TOKENS else gguf.TokenType.NORMAL for t in tokenizer.tokens]
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.im_start)
    writer.add_eos_token_id(tokenizer.im_end)
    writer.add_pad_token_id(tokenizer.im_end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    for name, array in tensors(model).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantise(source: Path, target: Path, llama_root: Path, kind: str = QUANTISATION) -> None:
    """Runs llama-quantize; a failure carries its last lines. `kind` is that of the matrices."""
    partial = target.with_suffix(".partial")
    command = [str(llama_root / "bin/llama-quantize"), "--token-embedding-type", EMBEDDING_QUANTISATION]
    command += [str(source), str(partial), kind, "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"llama-quantize failed: {done.stderr[-800:]}")
    os.replace(partial, target)


