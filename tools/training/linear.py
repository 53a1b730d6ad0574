"""The linear tiers: `suffice fit classifier` on the same texts and splits as the specialists, measured and carded the same way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import sources
from metrics import Json, processor
from specialist_card import answered, interval, percent
from specialist_measure import RIGHT_WANTED, acceptance, by_label, group_figures, threshold_on
from tasks import Row, Specialist, Task

Answer = tuple[str, float]


def _write(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for text, label in rows:
            file.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


def _fit(program: Path, work: Path, out: Path, specialist: Specialist) -> tuple[Json, list[Answer]]:
    """Fits on train.jsonl; what the program said, and its answer to every text of test.jsonl."""
    command = [str(program), "fit", "classifier", "--data", str(work / "train.jsonl"), "--test", str(work / "test.jsonl")]
    command += ["--out", str(out), "--predictions", str(work / "answers.jsonl"), "--note", "; ".join(specialist.sources), "--json"]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    lines = (work / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    return said, [(row["predicted"], row["probability"]) for row in map(json.loads, lines)]


def make(specialist: Specialist, task: Task, program: Path, data: Path, out: Path, work: Path, say: Callable[[str], None]) -> Json:
    """Fits, measures, writes the model with its card and figures into `out`; gives the figures."""
    name = f"{specialist.name}-linear"
    out.mkdir(parents=True, exist_ok=True)
    _write(work / "train.jsonl", task.train)
    _write(work / "test.jsonl", [*task.tuning, *((row.text, row.label) for row in task.held_out)])
    say(f"{name}: fitting {len(task.train):,} texts")
    said, given = _fit(program, work, out / f"{name}.lin", specialist)
    tuned, own = given[: len(task.tuning)], given[len(task.tuning) :]
    report: Json = {
        "name": name,
        "file": f"{name}.lin",
        "bytes": said["bytes"],
        "sha256": said["sha256"],
        "machine": processor(),
        "seconds": round(said["seconds"], 1),
        "prediction_us_median": round(said["prediction_us_median"], 1),
        "counts": {"train": len(task.train), "tuning": len(task.tuning), "held out": len(task.held_out)},
        "data_sha256": sources.file_hashes(data, list(specialist.files)),
        "tuning_accuracy": sum(answer == label for (_, label), (answer, _) in zip(task.tuning, tuned)) / len(task.tuning),
        "evaluation": group_figures(task.held_out, own),
        "served": acceptance(task.held_out, own, specialist, threshold_on([Row(*pair, "tuning") for pair in task.tuning], tuned, specialist)),
    }
    if len(task.labels) <= 10:
        report["by_label"] = by_label(task.held_out, own)
    (out / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "MODEL_CARD.md").write_text(card(specialist, report), encoding="utf-8")
    return report


def _accuracy(report: Json) -> str:
    lines = ["| held-out texts | n | right | 95 % interval | AUROC right/wrong | calibration error |", "|---|---|---|---|---|---|"]
    for name, own in report["evaluation"].items():
        area = own["auroc_right_wrong"]
        lines.append(
            f"| {name} | {own['texts']} | **{percent(own['accuracy'])}** | {interval(own)} "
            f"| {'-' if area is None else f'{area:.3f}'} | {own['calibration_error']:.3f} |"
        )
    return "\n".join(lines)


def card(specialist: Specialist, report: Json) -> str:
    """MODEL_CARD.md, from metrics.json alone, so that no figure in it is typed by hand."""
    served = report["served"]
    limits = "\n".join(f"- {limit}" for limit in specialist.limits)
    origin = "\n".join(f"- {source}" for source in specialist.sources)
    hashes = "\n".join(f"- `{name}`: SHA-256 `{value}`" for name, value in report["data_sha256"].items())
    counts = ", ".join(f"{name} {number:,}" for name, number in report["counts"].items())
    escalated = ", ".join(f"`{label}`" for label in specialist.escalated)
    return f"""# {report["name"]}

{specialist.description} A linear classifier over hashed n-grams of words and characters (docs/formats.md, "Classifier"), fitted by
`suffice fit classifier`; a tier of `provider: classifier`.

| | |
|---|---|
| file | `{report["file"]}`, {report["bytes"]:,} bytes |
| SHA-256 | `{report["sha256"]}` |
| fitted | in {report["seconds"]} s; {report["machine"]} |
| speed | {report["prediction_us_median"]} us a text, median of the texts below, on a busy machine |
| never answered locally | {escalated} |
| licence | Apache-2.0, with the attributions below |

## Accuracy on texts it never saw

The same held-out texts as for `{specialist.name}`. No choice was made on them. Intervals are Wilson's, 95 %; on the tuning texts
{percent(report["tuning_accuracy"])} are right.

{_accuracy(report)}

{answered(report)}With `min_confidence: {served["threshold"]}`, the least probability at which the served tuning answers are {percent(RIGHT_WANTED)} right, and {escalated} escalated:
{served["served"]} of {served["of"]} held-out texts are answered locally, {percent(served["accuracy"])} of them rightly ({interval(served)}); {served["must_escalate_served"]} of
{served["must_escalate"]} texts that must escalate are answered. A starting point, no certificate.

## Limits

{limits}
- It weighs words and their pieces; it does not know word order beyond pairs, and chooses among labels only.

## Data

{origin}

{hashes}

Texts: {counts}.

## Recipe

`tools/training/train_linear --model {report["name"]} --data DIR --out models/{report["name"]}` fits it again: the same data give the same file.
"""
