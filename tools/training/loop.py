"""One training loop for everything trained here: warm-up and cosine, averaged weights, early stop, resume, progress.

What is learned is the caller's: a function that computes one step's loss and calls backward().
"""

from __future__ import annotations

import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Schedule:
    """How long and how fast; a part of a recipe."""

    steps: int
    learning_rate: float
    warm_up_share: float = 0.03
    floor_share: float = 0.02  # of the learning rate, at the last step
    weight_decay: float = 0.05
    gradient_norm_max: float = 1.0
    average: float = 0.0  # decay of the averaged weights that are validated and kept; 0: the last weights are
    validate_every: int = 0  # steps; 0: never, the last weights are kept
    patience: int = 0  # validations without a better one before training ends early; 0: never


@dataclass
class Progress:
    step: int = 0
    cpu_seconds: float = 0.0  # of all runs that led here
    wall_seconds: float = 0.0
    best: float = -1.0  # best validation, and its step
    best_step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def cpu_seconds() -> float:
    """User and system time of this process and its finished children."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def rate(schedule: Schedule, step: int) -> float:
    """The learning rate of a step: linear warm-up, then a cosine down to the floor."""
    warm_up = max(1, round(schedule.warm_up_share * schedule.steps))
    if step < warm_up:
        return schedule.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(1, schedule.steps - warm_up)
    floor = schedule.floor_share
    return schedule.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def progress_line(progress: Progress, schedule: Schedule, losses: dict[str, float], bar: bool) -> str:
    """One line for a person: how far, how good, how long still."""
    left = progress.wall_seconds / max(1, progress.step) * (schedule.steps - progress.step)
    words = " ".join(f"{name}={value:.4g}" for name, value in losses.items())
    text = f"step {progress.step}/{schedule.steps} {words} cpu={progress.cpu_seconds / 60:.1f}min left={left / 60:.1f}min"
    if not bar:
        return text
    filled = 30 * progress.step // schedule.steps
    return f"[{'=' * filled}{' ' * (30 - filled)}] {text}"


class Loop:
    """Owns the optimiser and the checkpoint. `run()` returns when training is done or a signal asked to stop."""

    def __init__(
        self, schedule: Schedule, model: nn.Module, recipe: dict[str, Any], checkpoint: Path, show: Callable[[str], None]
    ) -> None:
        """`recipe` is everything that decides the result: a checkpoint made by another one is refused. `show` gets
        lines of progress when standard error is no terminal; on one, a bar is drawn instead."""
        self.schedule = schedule
        self.model = model
        self.checkpoint = checkpoint
        self.progress = Progress()
        self._recipe = recipe
        self._show = show
        self._trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        decayed = [p for p in self._trained.values() if p.dim() == 2]
        plain = [p for p in self._trained.values() if p.dim() != 2]
        groups = [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.98))
        self._averaged = self._copy() if schedule.average else None
        self._best: dict[str, Tensor] | None = None
        self._stop_asked = False
        self._cpu_before = 0.0

    def _copy(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self._trained.items()}

    def restart_average(self) -> None:
        """To be called when the weights were set from outside before the first step."""
        self._averaged = self._copy() if self.schedule.average else None

    def total_cpu_seconds(self) -> float:
        """Of this process, its finished children, and the interrupted runs before it."""
        return self._cpu_before + cpu_seconds()

    def _load(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(values[name])

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {
            "recipe": self._recipe,
            "model": self._copy(),
            "averaged": self._averaged,
            "best": self._best,
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
        if state["recipe"] != self._recipe:
            raise ValueError(f"{self.checkpoint} was made by another recipe; delete it to start anew")
        self._load(state["model"])
        self._averaged, self._best = state["averaged"], state["best"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["torch_random"])
        self._cpu_before = self.progress.cpu_seconds

    def run(self, step: Callable[[int], dict[str, float]], validate: Callable[[], float] | None = None) -> bool:
        """Trains. `step` computes the losses of one step and their gradients; `validate` returns a figure that is
        better when higher. True when training is done: the model then holds the best validated weights. False when
        SIGTERM or SIGINT ended it. The checkpoint is written either way."""
        self._stop_asked = False
        previous = {number: signal.signal(number, self._ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            done = self._loop(step, validate)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        self.save()
        if done:
            self._load(self._best or self._averaged or self._copy())
        return done

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    def _loop(self, step: Callable[[int], dict[str, float]], validate: Callable[[], float] | None) -> bool:
        progress, schedule = self.progress, self.schedule
        wall_before = progress.wall_seconds - time.monotonic()
        last_save = time.monotonic()
        window: dict[str, list[float]] = {}
        self.model.train()
        while progress.step < schedule.steps:
            if self._stop_asked:
                return False
            if schedule.patience and self._stale() >= schedule.patience:
                break
            for name, loss in self._one(step).items():
                window.setdefault(name, []).append(loss)
            progress.cpu_seconds = self.total_cpu_seconds()
            progress.wall_seconds = wall_before + time.monotonic()
            last = progress.step == schedule.steps
            due = schedule.validate_every and (last or progress.step % schedule.validate_every == 0)
            if validate is not None and due:
                window["validation"] = [self._validated(validate)]
            if due or last or progress.step % 20 == 0:
                self._report({name: sum(values) / len(values) for name, values in window.items()}, last)
                window.clear()
            if time.monotonic() - last_save > 60:
                self.save()
                last_save = time.monotonic()
        return True

    def _stale(self) -> int:
        return (self.progress.step - self.progress.best_step) // max(1, self.schedule.validate_every)

    def _one(self, step: Callable[[int], dict[str, float]]) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.schedule, self.progress.step)
        self.optimiser.zero_grad(set_to_none=True)
        losses = step(self.progress.step)
        torch.nn.utils.clip_grad_norm_(list(self._trained.values()), self.schedule.gradient_norm_max)
        self.optimiser.step()
        self.progress.step += 1
        if self._averaged is not None:
            # Early weights are forgotten faster, so that the average is of use from the start.
            keep = min(self.schedule.average, self.progress.step / (self.progress.step + 10))
            with torch.no_grad():
                for name, parameter in self._trained.items():
                    self._averaged[name].lerp_(parameter, 1 - keep)
        return losses

    def _validated(self, validate: Callable[[], float]) -> float:
        current = self._copy() if self._averaged is not None else None
        if self._averaged is not None:
            self._load(self._averaged)
        self.model.eval()
        with torch.no_grad():
            figure = validate()
        if figure > self.progress.best:
            self.progress.best, self.progress.best_step = figure, self.progress.step
            self._best = self._copy()
        self.model.train()
        if current is not None:
            self._load(current)
        return figure

    def _report(self, losses: dict[str, float], last: bool) -> None:
        self.progress.curve.append({"step": float(self.progress.step), **losses})
        if sys.stderr.isatty():
            line = progress_line(self.progress, self.schedule, losses, bar=True)
            print(f"\r\x1b[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last or "validation" in losses or self.progress.step % 100 == 0:
            self._show(progress_line(self.progress, self.schedule, losses, bar=False))


def write_curve(progress: Progress, path: Path) -> None:
    """The losses, and the validated figure where there is one, over the steps, as an SVG; losses logarithmic."""
    width, height, pad = 720, 360, 48
    points = progress.curve
    if len(points) < 2:
        return
    names = sorted({name for point in points for name in point if name != "step"})
    colours = dict(zip(names, ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b9770e")))
    low, high = math.log(0.01), math.log(8.0)

    def at(point: dict[str, float], name: str) -> str:
        x = pad + (width - 2 * pad) * point["step"] / points[-1]["step"]
        share = point[name] if name == "validation" else (math.log(min(8.0, max(0.01, point[name]))) - low) / (high - low)
        return f"{x:.1f},{height - pad - (height - 2 * pad) * share:.1f}"

    lines = []
    for index, (name, colour) in enumerate(colours.items()):
        where = " ".join(at(point, name) for point in points if name in point)
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{where}"/>')
        lines.append(f'<text x="{pad + 130 * index}" y="24" fill="{colour}" font-size="14">{name}</text>')
    for value in (0.01, 0.1, 1.0, 8.0):
        y = height - pad - (height - 2 * pad) * (math.log(value) - low) / (high - low)
        lines.append(f'<line x1="{pad}" x2="{width - pad}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="8" y="{y + 4:.1f}" font-size="12">{value:g}</text>')
    axis = f"loss in nats (left, logarithmic), validation 0 to 1 (full height), over {points[-1]['step']:.0f} steps"
    lines.append(f'<text x="{width // 2 - 240}" y="{height - 12}" font-size="12">{axis}</text>')
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )
