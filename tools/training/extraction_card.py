"""MODEL_CARD.md of the extraction specialist, written from metrics.json alone."""

from __future__ import annotations

from metrics import Json
from sources import SLOTS
from specialist_card import interval, percent


def _table(report: Json) -> str:
    columns = {f"{report['recipe']['quantisation']} file": "evaluation", "f32": "evaluation_f32", "linear tagger": "tagger", "rules": "rules"}
    shown = {title: report[key] for title, key in columns.items() if key in report}
    lines = ["| held-out texts | " + " | ".join(shown) + " |", "|---|" + "---|" * len(shown)]
    lines.append("| whole answer right | " + " | ".join(f"{percent(v['exact'])} ({interval(v)})" for v in shown.values()) + " |")
    lines.append("| the same, texts with a slot | " + " | ".join(percent(v["exact_where_slots"]) for v in shown.values()) + " |")
    lines.append("| F1, all slots | " + " | ".join(f"{v['f1']:.3f}" for v in shown.values()) + " |")
    for name in SLOTS:
        lines.append(f"| F1, {name} | " + " | ".join(f"{v['slots'][name]['f1']:.3f}" for v in shown.values()) + " |")
    return "\n".join(lines)


def verdict(report: Json) -> str:
    if "tagger" not in report:
        return "The linear comparison was skipped in this run."
    own, linear = report["evaluation"], report["tagger"]
    difference = 100 * (own["exact"] - linear["exact"])
    side = "better than" if difference > 0 else "worse than"
    return f"On whole answers the specialist is {abs(difference):.1f} points {side} the linear tagger."


def render(report: Json) -> str:
    shape, served, recipe = report["shape"], report["served"], report["recipe"]
    evaluation = report["evaluation"]
    settings = "\n".join(f"- {name}: {value}" for name, value in recipe.items())
    hashes = "\n".join(f"- `{name}`: SHA-256 `{value}`" for name, value in report["data_sha256"].items())
    speeds = ", ".join(f"{name} tokens: {value:,.0f} tokens/s" for name, value in report["speed_tokens_per_second"].items())
    coverage = ", ".join(f"{float(share):.0%}: {percent(value)}" for share, value in report["right_at_coverage"].items())
    counts = ", ".join(f"{name} {number:,}" for name, number in report["counts"].items())
    area = report["auroc_right_wrong"]
    return f"""# suffice-slots

Extracts number of people, date, time and names from a sentence to a restaurant's booking line, as compact JSON. A llama-architecture transformer of
{report["parameters"]:,} parameters, trained from scratch on public data.

| | |
|---|---|
| file | `{report["file"]}`, {report["bytes"]:,} bytes, matrices {recipe["quantisation"]}, embeddings q8_0 |
| SHA-256 | `{report["sha256"]}` |
| prompt | system message `booking_slots`, then the text |
| answer | `{{"people":"4 people","time":"7 pm"}}`: keys {", ".join(SLOTS)} in this order, only those that the text names, values word for word from it; `{{}}` for none |
| shape | width {shape["width"]}, {shape["layers"]} layers, {shape["heads"]} heads, feed-forward {shape["hidden"]}, tied embeddings, {shape["vocabulary"]} byte-level BPE tokens, context {shape["context"]} tokens |
| training | {report["steps"]} steps (best of the tuning texts at {report["best_step"]}), {report["cpu_minutes"]} CPU minutes; {report["machine"]} |
| speed (llama-bench, one thread, flash attention, best of 10) | {speeds} |
| tokenizer, trainer against libllama | {report["tokenizer_parity"]["different"]} of {report["tokenizer_parity"]["lines"]} lines differ |
| licence | Apache-2.0, with the attribution below |
| recipe, seed | SHA-256 `{report["recipe_sha256"]}`, seed {recipe["seed"]} |

No token joins a space with a word, so that a value has the same tokens in the text and in the answer: the model learns to copy, and the grammar need only
forbid what is no part of the text.

## Accuracy on texts it never saw

{evaluation["texts"]:,} texts ({evaluation["texts_with_slots"]:,} with a slot), 15 % of RESTAURANTS-8K's training file by a hash of the text. Decoded greedily through libllama under
a grammar of the declared keys whose values are runs of whole words of the text. What the assistant had asked before is not given. The tagger is a logistic
regression over each token and its neighbours, on the same training texts; the rules were written by hand.

{_table(report)}

{verdict(report)}

AUROC right/wrong of the answer's least token probability: {"-" if area is None else f"{area:.3f}"}. Right among the surest part of the answers: {coverage}.

With `confidence: min_token_probability` and `min_confidence: {served["threshold"]}`, the least at which the served answers to one half of these texts are 95 % right, {served["served"]} of
{served["of"]} answers to the other half are served, {percent(served["accuracy"])} of them right ({interval(served)}). A starting point, no certificate.

## Limits

- Sentences to a booking line, in English. Alone-standing numbers ("6") mean people or time only with the question before, which it does not see.
- At most one value a slot; what JSON must escape was not learned.

## Data

- RESTAURANTS-8K, Coope et al., "Span-ConveRT", ACL 2020, [PolyAI](https://github.com/PolyAI-LDN/task-specific-datasets), CC BY 4.0

{hashes}

Texts: {counts}. Some training texts were changed: other names and digits, two sentences joined.

## Recipe

`tools/training/train --model suffice-slots --data DIR --out models/suffice-slots`

{settings}

![loss](loss_curve.svg)
"""
