"""From single predictions to the figures of metrics.json."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import data
import figures
import train
from data import Example
from figures import Outcome

Json = dict[str, Any]
Row = tuple[Example, str, float]  # example, predicted label, probability

# The groups of the card: name, task, and which examples belong.
BUILD_LOGS = "classify_issue, build logs of unseen projects"
BUILD_LABELS_ACCEPTED = "classify_issue, answers build, test or dependency"
IN_SCOPE = "intent, in scope"


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Every task, and the parts of it that deserve their own figure."""
    main = [row for row in rows if not row[0].extra]
    out = {task: [row for row in main if row[0].task == task] for task in data.TASKS}
    out[BUILD_LOGS] = [row for row in main if row[0].source == "build log"]
    for source in sorted({row[0].source for row in rows if row[0].extra}):
        out[f"classify_issue, {source}"] = [row for row in rows if row[0].source == source]
    for source in ("advisory", "ticket", "out of scope"):
        out[f"classify_issue, {source}"] = [r for r in main if r[0].task == data.ISSUE and r[0].source == source]
    out[IN_SCOPE] = [row for row in main if row[0].task == data.INTENT and row[0].label != data.OUT_OF_SCOPE]
    out["intent, out of scope"] = [r for r in main if r[0].task == data.INTENT and r[0].label == data.OUT_OF_SCOPE]
    return out


def outcomes(rows: Sequence[Row]) -> list[Outcome]:
    return [Outcome(example.label == label, probability) for example, label, probability in rows]


def by_group(rows: Sequence[Row]) -> Json:
    return {name: _figures(part) for name, part in groups(rows).items() if part}


def _figures(rows: Sequence[Row]) -> Json:
    seen = outcomes(rows)
    right = sum(outcome.right for outcome in seen)
    low, high = figures.wilson(right, len(seen))
    area = figures.auroc(seen)
    out: Json = {
        "examples": len(seen),
        "right": right,
        "accuracy": right / len(seen),
        "interval_95": [low, high],
        "auroc_right_wrong": area,
        "accuracy_of_surest_80_percent": figures.accuracy_of_surest(seen, 0.8),
        "calibration_error": figures.calibration_error(seen),
    }
    labels = sorted({example.label for example, _, _ in rows})
    if len(labels) <= 10:
        out["by_label"] = {label: _label_figures(rows, label) for label in labels}
    return out


def _label_figures(rows: Sequence[Row], label: str) -> Json:
    answers = [predicted for example, predicted, _ in rows if example.label == label]
    return {
        "examples": len(answers),
        "answered": {answer: answers.count(answer) for answer in sorted(set(answers))},
    }


def thresholds(rows: Sequence[Row]) -> list[Json]:
    """Per task: from which raw probability on the accepted answers are 95 % and 97 % right, and how many those are."""
    main = [row for row in rows if not row[0].extra]
    parts = {task: [row for row in main if row[0].task == task] for task in data.TASKS}
    issues = parts[data.ISSUE]
    parts[BUILD_LABELS_ACCEPTED] = [row for row in issues if row[1] in data.BUILD_LOG_LABELS]
    parts[BUILD_LOGS] = [row for row in issues if row[0].source == "build log"]
    out = []
    for name, part in parts.items():
        for accuracy in (0.95, 0.97):
            found = figures.threshold_for(outcomes(part), accuracy)
            row: Json = {"answers": name, "of": len(part), "wanted": accuracy}
            out.append(row | ({} if found is None else asdict(found)))
    return out


def model_facts(trainer: train.Trainer, gguf: Path, recipe_hash: str) -> Json:
    progress = trainer.progress
    return {
        "name": gguf.name,
        "bytes": gguf.stat().st_size,
        "parameters": trainer.model.parameter_count(),
        "shape": trainer.model.shape.as_dict(),
        "recipe": asdict(trainer.recipe),
        "recipe_sha256": recipe_hash,
        "machine": f"{platform.machine()}, {processor()}",
        "steps": progress.step,
        "tokens_seen": progress.tokens,
        "examples_seen": progress.examples,
        "wall_minutes": round(progress.wall_seconds / 60, 1),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
