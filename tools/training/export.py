"""Writes the model as GGUF (f32), with tokenizer, chat template and where it comes from, and has it quantised."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy

from model import Model
from prompt import CHAT_TEMPLATE
from tokenizer import CONTROL_TOKENS, Tokenizer
from train import Recipe, recipe_text

SOURCES = (
    ("CLINC150", "https://github.com/clinc/oos-eval", "CC BY 3.0"),
    ("BUMP", "https://github.com/chains-project/bump", "MIT"),
    ("IT Service Ticket Classification", "https://github.com/Lunalykaya/IT-Service-Ticket-Classification", "CC0 1.0"),
    ("PyPA advisory database", "https://github.com/pypa/advisory-database", "CC BY 4.0"),
)

# Quantisation by tensor. Q4_0 with flash attention is the fastest prefill of the packaged ggml; the embeddings (also
# the output matrix, being tied) decide the probabilities and stay at 8 bits.
QUANTISATION = "Q4_0"
EMBEDDING_QUANTISATION = "q8_0"


def recipe_hash(recipe: Recipe) -> str:
    return hashlib.sha256(recipe_text(recipe).encode()).hexdigest()


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


def write_gguf(path: Path, model: Model, tokenizer: Tokenizer, recipe: Recipe, llama_root: Path) -> None:
    sys.path.insert(0, str(llama_root / "usr/lib/python3/dist-packages"))
    import gguf  # type: ignore[import-not-found]

    shape = model.shape
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("suffice-mini")
    writer.add_author("Suffice")
    writer.add_version("1")
    writer.add_description("Classifies build failures and issues, IT tickets and intents; trained from scratch.")
    writer.add_license("Apache-2.0")
    writer.add_tags(["text-classification"])
    writer.add_languages(["en"])
    writer.add_array("general.datasets", [f"{name}, {url}, {licence}" for name, url, licence in SOURCES])
    writer.add_string("suffice.recipe", recipe_text(recipe))
    writer.add_string("suffice.recipe.sha256", recipe_hash(recipe))
    writer.add_uint32("suffice.seed", recipe.seed)

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
    writer.add_tokenizer_pre("gpt-2")
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


def quantise(source: Path, target: Path, llama_root: Path) -> None:
    """Runs llama-quantize; a failure carries its last lines."""
    partial = target.with_suffix(".partial")
    command = [str(llama_root / "bin/llama-quantize"), "--token-embedding-type", EMBEDDING_QUANTISATION]
    command += [str(source), str(partial), QUANTISATION, "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"llama-quantize failed: {done.stderr[-800:]}")
    os.replace(partial, target)


