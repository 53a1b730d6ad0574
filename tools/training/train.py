"""The training loop: seeded, budgeted in CPU seconds, safe to interrupt and to resume."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.nn import functional

import batches
import data
from model import Model, ModelShape
from prompt import PromptEncoder
from tokenizer import Tokenizer


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result. Its hash goes into the GGUF and the card."""

    seed: int = 20260
    vocabulary: int = 2560
    context: int = 1024  # tokens
    layers: int = 2
    width: int = 256
    heads: int = 4
    hidden: int = 512
    steps: int = 2200
    learning_rate: float = 1.5e-3
    warm_up_steps: int = 60
    weight_decay: float = 0.05
    gradient_norm_max: float = 1.0
    token_dropout: float = 0.1
    text_loss_weight: float = 0.1
    text_loss_share: float = 0.25  # of positions, drawn anew every time
    # Padded tokens per step. One step sees one batch of every task, so that no task waits for its turn.
    tokens_per_step: dict[str, int] = field(
        default_factory=lambda: {data.ISSUE: 1400, data.TICKET: 1500, data.INTENT: 1700}
    )


@dataclass
class Progress:
    step: int = 0
    cpu_seconds: float = 0.0  # of all runs that led here
    wall_seconds: float = 0.0
    tokens: int = 0
    examples: dict[str, int] = field(default_factory=lambda: {task: 0 for task in data.TASKS})
    curve: list[dict[str, float]] = field(default_factory=list)


def cpu_seconds() -> float:
    """User and system time of this process and its finished children."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def learning_rate(recipe: Recipe, step: int) -> float:
    if step < recipe.warm_up_steps:
        return recipe.learning_rate * (step + 1) / recipe.warm_up_steps
    done = (step - recipe.warm_up_steps) / max(1, recipe.steps - recipe.warm_up_steps)
    return recipe.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


class Trainer:
    """Owns model, optimiser and example streams. `run()` returns when the steps are done or a signal asked to stop."""

    def __init__(
        self,
        recipe: Recipe,
        corpus: data.Corpus,
        tokenizer: Tokenizer,
        checkpoint: Path,
        show: Callable[[str], None],
    ) -> None:
        """`show` gets a line of progress every 20 steps; `checkpoint` is written every minute and at the end."""
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(1)  # a second thread waits more than it helps at this size
        self.recipe = recipe
        self.checkpoint = checkpoint
        shape = ModelShape(len(tokenizer), recipe.context, recipe.width, recipe.layers, recipe.heads, recipe.hidden)
        self.model = Model(shape)
        decayed = [p for p in self.model.parameters() if p.dim() == 2]
        plain = [p for p in self.model.parameters() if p.dim() != 2]
        groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98))
        self.progress = Progress()
        self._sampler = data.Sampler(corpus)
        self._encoder = PromptEncoder(tokenizer, data.TASKS)
        self._show = show
        self._stop_asked = False
        self._cpu_of_earlier_runs = 0.0

    def total_cpu_seconds(self) -> float:
        """Of this process, its finished children, and the interrupted runs before it."""
        return self._cpu_of_earlier_runs + cpu_seconds()

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {
            "recipe": asdict(self.recipe),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
            "torch_random": torch.get_rng_state(),
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)

    def resume(self) -> None:
        """Continues from the checkpoint. One made by another recipe is refused with a ValueError."""
        state: dict[str, Any] = torch.load(self.checkpoint)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{self.checkpoint} was made by another recipe; delete it to start anew")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["torch_random"])
        self._cpu_of_earlier_runs = self.progress.cpu_seconds

    def run(self) -> bool:
        """True when all steps are done, false when a SIGTERM or SIGINT ended it; the checkpoint is written either way."""
        self._stop_asked = False
        previous = {number: signal.signal(number, self._ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._loop()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        self.save()
        return self.progress.step >= self.recipe.steps

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    def _streams(self) -> dict[str, Iterator[list[batches.Sequence]]]:
        # A resumed run draws other examples than an uninterrupted one would have: the streams restart from the step.
        return {
            task: batches.stream(
                task,
                self._sampler,
                self._encoder,
                self.recipe.context,
                self.recipe.tokens_per_step[task],
                random.Random(f"{self.recipe.seed} {task} {self.progress.step}"),
            )
            for task in data.TASKS
        }

    def _loop(self) -> None:
        streams = self._streams()
        rng = random.Random(f"{self.recipe.seed} text positions {self.progress.step}")
        wall_before = self.progress.wall_seconds - time.monotonic()
        window: dict[str, list[float]] = {}
        last_save = time.monotonic()
        self.model.train()
        while self.progress.step < self.recipe.steps and not self._stop_asked:
            losses = self._step({task: next(stream) for task, stream in streams.items()}, rng)
            for name, loss in losses.items():
                window.setdefault(name, []).append(loss)
            self.progress.step += 1
            self.progress.cpu_seconds = self.total_cpu_seconds()
            self.progress.wall_seconds = wall_before + time.monotonic()
            if self.progress.step % 20 == 0 or self.progress.step == self.recipe.steps:
                self._report({name: sum(values) / len(values) for name, values in window.items()})
                window.clear()
            if time.monotonic() - last_save > 60:
                self.save()
                last_save = time.monotonic()

    def _step(self, drawn: dict[str, list[batches.Sequence]], rng: random.Random) -> dict[str, float]:
        recipe, losses = self.recipe, {}
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, self.progress.step)
        self.optimiser.zero_grad(set_to_none=True)
        for task, sequences in drawn.items():
            batch = batches.collate(sequences, recipe.text_loss_share, rng)
            logits = self.model(
                batch.inputs, torch.cat((batch.label_positions, batch.text_positions)), recipe.token_dropout
            )
            labels = len(batch.label_positions)
            # Summed over a label's tokens: the loss is that of the whole label, however many tokens it has.
            label_loss = functional.cross_entropy(logits[:labels], batch.label_targets, reduction="sum") / batch.examples
            text_loss = functional.cross_entropy(logits[labels:], batch.text_targets)
            (label_loss + recipe.text_loss_weight * text_loss).backward()
            losses[task] = label_loss.item()
            losses[f"{task} text"] = text_loss.item()
            self.progress.tokens += batch.tokens
            self.progress.examples[task] += batch.examples
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.gradient_norm_max)
        self.optimiser.step()
        return losses

    def _report(self, losses: dict[str, float]) -> None:
        progress = self.progress
        progress.curve.append({"step": float(progress.step), **losses})
        left = progress.wall_seconds / progress.step * (self.recipe.steps - progress.step)
        label_losses = " ".join(f"{task}={losses[task]:.3f}" for task in data.TASKS)
        self._show(
            f"step {progress.step}/{self.recipe.steps} {label_losses} tokens/s={progress.tokens / progress.wall_seconds:.0f} "
            f"cpu={progress.cpu_seconds / 60:.1f}min eta={left / 60:.1f}min"
        )


def write_curve(progress: Progress, path: Path) -> None:
    """The loss curve as an SVG: label loss per task over steps, logarithmic."""
    width, height, pad = 720, 360, 48
    colours = {data.ISSUE: "#c0392b", data.TICKET: "#2471a3", data.INTENT: "#1e8449"}
    points = progress.curve
    if len(points) < 2:
        return
    low, high = math.log(0.01), math.log(8.0)
    lines = []
    for index, (task, colour) in enumerate(colours.items()):
        where = []
        for point in points:
            x = pad + (width - 2 * pad) * point["step"] / points[-1]["step"]
            level = (math.log(min(8.0, max(0.01, point[task]))) - low) / (high - low)
            where.append(f"{x:.1f},{height - pad - (height - 2 * pad) * level:.1f}")
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(where)}"/>')
        lines.append(f'<text x="{pad + 160 * index}" y="24" fill="{colour}" font-size="14">{task}</text>')
    for value in (0.01, 0.1, 1.0, 8.0):
        y = height - pad - (height - 2 * pad) * (math.log(value) - low) / (high - low)
        lines.append(f'<line x1="{pad}" x2="{width - pad}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="8" y="{y + 4:.1f}" font-size="12">{value:g}</text>')
    axis = f'label loss in nats, over {points[-1]["step"]:.0f} steps'
    lines.append(f'<text x="{width // 2 - 110}" y="{height - 12}" font-size="12">{axis}</text>')
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def recipe_text(recipe: Recipe) -> str:
    return json.dumps(asdict(recipe), sort_keys=True)


def recipe_hash(recipe: Recipe) -> str:
    return hashlib.sha256(recipe_text(recipe).encode()).hexdigest()
