"""Measures a GGUF through libllama: labels by trie as the engine finds them, tokenizer parity, speed."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import time
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from data import TASKS, Corpus, Example
from figures import Outcome
from prompt import PromptEncoder
from tokenizer import Tokenizer


@dataclass(frozen=True)
class Prediction:
    example: Example
    label: str
    probability: float
    outside: float  # share of the first step's probability that was on no label

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.label == self.example.label, self.probability)


def build_scorer(llama_root: Path, folder: Path) -> Path:
    """Compiles label_scorer.cpp against the root's headers; it starts through the root's loader."""
    libraries = llama_root / "usr/lib/x86_64-linux-gnu"
    program = folder / "label_scorer"
    source = Path(__file__).with_name("label_scorer.cpp")
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", f"-I{llama_root}/usr/include", str(source)]
    command += ["-o", str(program), f"-L{libraries}", "-Wl,--no-as-needed", "-lllama", "-lggml", "-lggml-base"]
    command += ["-l:libgomp.so.1", "-Wl,--allow-shlib-undefined", f"-Wl,-rpath,{libraries}"]
    command += ["-Wl,--disable-new-dtags", f"-Wl,--dynamic-linker={libraries}/ld-linux-x86-64.so.2"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"cannot build the label scorer: {done.stderr[-800:]}")
    return program


class Scorer:
    """The label_scorer process for one GGUF; a context manager."""

    def __init__(self, program: Path, gguf: Path, llama_root: Path, adapter: Path | None = None) -> None:
        command = [str(program), str(gguf), str(llama_root / "usr/lib/x86_64-linux-gnu/ggml/backends0")]
        command += [str(adapter)] if adapter else []
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Scorer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, *lines: str, answered: bool = True) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n".join(lines) + "\n")
        self._process.stdin.flush()
        if not answered:
            return ""
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the label scorer ended; its message is on standard error")
        return answer

    def tokenize(self, text: str) -> list[int]:
        return [int(word) for word in self._ask(f"tokenize {text.encode().hex()}").split()]

    def logits(self, prompt: Sequence[int]) -> list[float]:
        return [float(word) for word in self._ask(f"logits {' '.join(map(str, prompt))}").split()]

    def define(self, name: str, labels: Iterable[Sequence[int]]) -> None:
        lines = [" ".join(map(str, label)) for label in labels]
        self._ask(f"set {name} {len(lines)}", *lines, answered=False)

    def score(self, name: str, prompt: Sequence[int]) -> tuple[int, float, float]:
        label, probability, outside = self._ask(f"score {name} {' '.join(map(str, prompt))}").split()
        return int(label), float(probability), float(outside)


def predict(scorer: Scorer, corpus: Corpus, tokenizer: Tokenizer, context: int) -> list[Prediction]:
    """The model's answer for every held-out example."""
    encoder = PromptEncoder(tokenizer, TASKS)
    for task in TASKS:
        scorer.define(task, [encoder.label(label) for label in corpus.labels[task]])
    room = context - encoder.overhead() - 20  # a label's tokens and a reserve
    out = []
    for example in corpus.held_out:
        prompt = encoder.prompt(example.task, example.text, room)
        index, probability, outside = scorer.score(example.task, prompt)
        out.append(Prediction(example, corpus.labels[example.task][index], probability, outside))
    return out


def parity_lines(directory: Path, texts: Sequence[str]) -> list[str]:
    """Lines that a tokenizer may stumble over: naughty strings, random Unicode, white space, and ordinary texts."""
    rng = random.Random("parity")
    lines = [line for line in json.loads((directory / "naughty_strings/blns.json").read_text("utf-8")) if line]
    lines += rng.sample(list(texts), min(400, len(texts)))
    assigned = [c for c in map(chr, range(0x20, 0x1FFFF)) if unicodedata.category(c) not in ("Cs", "Cn", "Co")]
    lines += ["".join(rng.choices(assigned, k=rng.randint(1, 40))) for _ in range(300)]
    spaces = [" ", "  ", "\t", "\n", "\r\n", " ", "　", "a", "1", ".", "'s", "'RE", "é", "é", "<|im_end|>"]
    lines += ["".join(rng.choices(spaces, k=rng.randint(1, 20))) for _ in range(300)]
    return lines


def tokenizer_parity(scorer: Scorer, tokenizer: Tokenizer, lines: Sequence[str]) -> list[str]:
    """The lines that trainer and libllama tokenise differently."""
    return [line for line in lines if scorer.tokenize(line) != tokenizer.encode(line)]


def rendered_by_server(gguf: Path, llama_root: Path, task: str, text: str) -> str:
    """The prompt that llama-server's chat endpoint makes of (system: task, user: text) with the GGUF's own template."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(llama_root / "bin/llama-server"), "-m", str(gguf), "--port", str(port), "-t", "1", "--no-webui"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        messages = [{"role": "system", "content": task}, {"role": "user", "content": text}]
        url = f"http://127.0.0.1:{port}/apply-template"
        body = json.dumps({"messages": messages}).encode()
        for _ in range(200):
            try:
                with urllib.request.urlopen(urllib.request.Request(url, body), timeout=30) as answer:
                    return str(json.load(answer)["prompt"])
            except (urllib.error.URLError, ConnectionError):
                if server.poll() is not None:
                    raise RuntimeError("llama-server ended before it answered") from None
                time.sleep(0.1)  # still loading
        raise RuntimeError("llama-server did not answer")
    finally:
        server.terminate()
        server.wait()


def chat_contract_holds(gguf: Path, llama_root: Path) -> bool:
    """Whether llama-server, from the GGUF's template alone, asks exactly what was trained."""
    text = "line one\n  line two <|im_end|> ünïcode"
    trained = f"<|im_start|>system\nintent<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return rendered_by_server(gguf, llama_root, "intent", text) == trained


def bench(gguf: Path, llama_root: Path) -> dict[str, float]:
    """llama-bench, one thread, flash attention: tokens per second of a 64- and a 512-token prefill and of decode.

    The best of ten repetitions: other work on the machine only ever makes one slower.
    """
    command = [str(llama_root / "bin/llama-bench"), "-m", str(gguf), "-t", "1", "-fa", "1"]
    command += ["-p", "64,512", "-n", "32", "-r", "10", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"llama-bench failed: {done.stderr[-800:]}")
    speeds = {}
    for row in json.loads(done.stdout):
        name = f"prefill {row['n_prompt']}" if row["n_prompt"] else f"decode {row['n_gen']}"
        speeds[name] = max(map(float, row["samples_ts"]))
    return speeds
