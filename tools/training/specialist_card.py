"""MODEL_CARD.md of a specialist, written from metrics.json alone, so that no figure in it is typed by hand."""

from __future__ import annotations

from export import EMBEDDING_QUANTISATION
from metrics import Json
from specialist_measure import COVERAGES, RIGHT_WANTED
from tasks import Specialist


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def interval(figures: Json) -> str:
    return " to ".join(percent(end) for end in figures["interval_95"])


def _accuracy(report: Json) -> str:
    lines = [
        f"| held-out texts | n | {report['recipe']['quantisation']} file | 95 % interval | f32 | linear model | interval |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, own in report["evaluation"].items():
        linear = report.get("linear", {}).get(name)
        lines.append(
            f"| {name} | {own['texts']} | **{percent(own['accuracy'])}** | {interval(own)} "
            f"| {percent(report['evaluation_f32'][name]['accuracy'])} | {percent(linear['accuracy']) if linear else '-'} "
            f"| {interval(linear) if linear else '-'} |"
        )
    return "\n".join(lines)


def verdict(report: Json) -> str:
    """Says in words who is ahead, so that a reader does not have to search the table for it."""
    if "linear" not in report:
        return "The linear comparison was skipped in this run."
    own, linear = report["evaluation"]["all"], report["linear"]["all"]
    difference = 100 * (own["accuracy"] - linear["accuracy"])
    side = "better than" if difference > 0 else "worse than" if difference < 0 else "level with"
    apart = own["interval_95"][0] > linear["interval_95"][1] or own["interval_95"][1] < linear["interval_95"][0]
    clear = "do not overlap" if apart else "overlap"
    advice = "" if difference >= 0 else " Use the linear tier for this task where it is available."
    return f"Over all, the specialist is {abs(difference):.1f} points {side} the linear model; the intervals {clear}.{advice}"


def _confidence(report: Json) -> str:
    shares = "".join(f" {percent(share)} |" for share in COVERAGES)
    lines = [f"| held-out texts | AUROC right/wrong | calibration error |{shares}", "|---|---|---|" + "---|" * len(COVERAGES)]
    for kind, figures in (("", report["evaluation"]), (", linear", report.get("linear", {}))):
        for name, own in figures.items():
            area = own["auroc_right_wrong"]
            right = "".join(f" {percent(value)} |" for value in own["right_at_coverage"].values())
            lines.append(f"| {name}{kind} | {'-' if area is None else f'{area:.3f}'} | {own['calibration_error']:.3f} |{right}")
    return "\n".join(lines)


def answered(report: Json) -> str:
    if "by_label" not in report:
        return ""
    lines = ["What was answered:", "", "| true label | answered |", "|---|---|"]
    for label, counts in report["by_label"].items():
        lines.append(f"| {label} | {', '.join(f'{answer} {count}' for answer, count in counts.items())} |")
    return "\n".join(lines) + "\n\n"


def render(specialist: Specialist, report: Json) -> str:
    shape, served, recipe = report["shape"], report["served"], report["recipe"]
    limits = "\n".join(f"- {limit}" for limit in specialist.limits)
    sources = "\n".join(f"- {source}" for source in specialist.sources)
    hashes = "\n".join(f"- `{name}`: SHA-256 `{value}`" for name, value in report["data_sha256"].items())
    settings = "\n".join(f"- {name}: {value}" for name, value in recipe.items())
    counts = ", ".join(f"{name} {number:,}" for name, number in report["counts"].items())
    speeds = ", ".join(f"{name} tokens: {value:,.0f} tokens/s" for name, value in report["speed_tokens_per_second"].items())
    escalated = ", ".join(f"`{label}`" for label in specialist.escalated)
    taught = "" if recipe["teacher_share"] == 0 else (
        "Half of every target is the answer of a kernel teacher (kernel ridge regression over word and character n-grams) that was\n"
        "cross-fitted on the training texts: no network weights from elsewhere were used.\n"
    )
    return f"""# {specialist.name}

{specialist.description} A llama-architecture transformer of {report["parameters"]:,} parameters, trained from scratch on public data; one task.

| | |
|---|---|
| file | `{report["file"]}`, {report["bytes"]:,} bytes, matrices {recipe["quantisation"]}, embeddings {EMBEDDING_QUANTISATION} |
| SHA-256 | `{report["sha256"]}` |
| prompt | system message `{specialist.word}`, then the text; of more than {recipe["text_tokens_max"]} tokens the {specialist.keep} |
| labels | {_labels(report)}; never answered locally: {escalated} |
| shape | width {shape["width"]}, {shape["layers"]} layers, {shape["heads"]} heads, feed-forward {shape["hidden"]}, tied embeddings, {shape["vocabulary"]} byte-level BPE tokens, context {shape["context"]} tokens |
| training | {report["steps"]} steps (best of the tuning texts at {report["best_step"]}), {report["cpu_minutes"]} CPU minutes with everything before it; {report["machine"]} |
| speed (llama-bench, one thread, flash attention, best of 10) | {speeds}; a prompt has {report["prompt_tokens"]} tokens on average |
| tokenizer, trainer against libllama | {report["tokenizer_parity"]["different"]} of {report["tokenizer_parity"]["lines"]} lines differ |
| llama-server renders the trained prompt | {"yes" if report["chat_template_renders_the_contract"] else "NO"} |
| licence | Apache-2.0, with the attributions below |
| recipe, seed | SHA-256 `{report["recipe_sha256"]}`, seed {recipe["seed"]} |

Every label is one token, so one pass over the prompt gives the probability of every label.

## Accuracy on texts it never saw

Measured on the quantised file through libllama; intervals are Wilson's, 95 %. The linear model is TF-IDF of word 1-2-grams and character
3-5-grams with logistic regression, on the same training texts. No choice of the training was made on these texts: recipe and early stop come
from tuning texts, a cut of the training data ({percent(report["tuning_accuracy"])} right).

{_accuracy(report)}

{verdict(report)}

{answered(report)}## What its probability is worth

Share of right answers among the surest part of all answers (risk-coverage), raw probabilities:

{_confidence(report)}

`min_confidence: {served["threshold"]}` is the least probability at which the served answers to one half of these texts are {percent(RIGHT_WANTED)} right, {escalated or "nothing"}
being escalated. Of the other half it serves {served["served"]} of {served["of"]}, {percent(served["accuracy"])} of them rightly ({interval(served)}); {served["must_escalate_served"]} of {served["must_escalate"]} texts that must
escalate are answered. A starting point, no certificate.

## Limits

{limits}
- It chooses among labels. It does not chat, summarise, extract or write, and is no judge of anything's safety.

## Data

{sources}

{hashes}

Texts: {counts}. {taught}
## Recipe

`tools/training/train --model {specialist.name} --data DIR --out models/{specialist.name}` rebuilds everything; the seed is fixed, and on the same machine and packages
a run that is not interrupted gives the same file.

{settings}

![loss](loss_curve.svg)
"""


def _labels(report: Json) -> str:
    return f"{report['labels']}, each one token" if report["tokens_per_label"] == 1 else str(report["labels"])
