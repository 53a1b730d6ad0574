"""MODEL_CARD.md, written from metrics.json alone, so that no figure in it is typed by hand."""

from __future__ import annotations

from export import EMBEDDING_QUANTISATION, QUANTISATION
from metrics import BUILD_LOGS, IN_SCOPE, Json

_DATA = """\
| data | used for | licence | attribution |
|---|---|---|---|
| [CLINC150](https://github.com/clinc/oos-eval) (`data_full`, `data_oos_plus`: train; validation only to evaluate; unlabelled sentences as out of scope) | intent, unknown | CC BY 3.0 | Larson et al., "An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction", EMNLP 2019 |
| [BUMP](https://github.com/chains-project/bump) reproduction logs | build, test, dependency | MIT | (c) 2023 CHAINS research project at KTH Royal Institute of Technology |
| [IT service tickets](https://github.com/Lunalykaya/IT-Service-Ticket-Classification) | it_ticket, access, unknown | CC0 1.0 | Karol Zak / Endava |
| [PyPA advisory database](https://github.com/pypa/advisory-database), to 2022 | security | CC BY 4.0 | Python Packaging Authority and contributors |

The texts were changed for training (cut, names in logs exchanged, tokens hidden); the weights are a derived work under Apache-2.0
with the attributions above."""

_LIMITS = """\
- It knows the texts it was trained on and their like: Maven logs of dependency updates, English help-desk tickets stripped of stop
  words and numbers, one-sentence English requests, and advisories of Python packages. Other build tools (npm, pytest, gcc, ...), other
  languages and other styles were neither trained nor measured: expect worse answers, and do not trust the probability there.
  Tried by hand on suffice-mini 1: an npm ERESOLVE error, an npm 401 and a pytest failure were each called "security" at 0.99 or more (a clang
  error was rightly "build"). Sure and wrong; harmless only where the policy escalates that label.
- The build-log figures rest on {logs} logs; their interval is wide. "dependency" is mostly Maven's enforcer and lock plugins.
- In `classify_issue` every class comes from its own data set, so part of what is learned is style: a help-desk ticket *about*
  a failed build is likely to be called unknown or access. "security" means "reads like an advisory"; a secret in a log, or a
  401 from a registry, is not found by this model. The gateway's hard stops are for that.
- The ticket classes are noisy and unbalanced; nobody has measured how well people agree on them.
- It chooses among labels. It does not chat, summarise, extract or write, and is no judge of anything's safety.
- The probabilities are raw: softmax over the allowed labels. The thresholds below were read off the same held-out texts that they are reported on;
  they are a starting point for a policy, no certificate. A threshold at which all are accepted is just the lowest probability that was seen.
- Of a text of more than about 2,000 characters of log (the context is {context} tokens), give it the end."""


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _comparison(report: Json) -> list[str]:
    lines = [
        "| held-out texts | n | Q4_0 file | 95 % interval | f32 | TF-IDF + logistic regression | interval |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, own in report["evaluation"].items():
        linear = report.get("baseline", {}).get(name)
        interval = " to ".join(percent(end) for end in own["interval_95"])
        linear_interval = " to ".join(percent(end) for end in linear["interval_95"]) if linear else "-"
        lines.append(
            f"| {name} | {own['examples']} | **{percent(own['accuracy'])}** | {interval} "
            f"| {percent(report['evaluation_f32'][name]['accuracy'])} "
            f"| {percent(linear['accuracy'] if linear else None)} | {linear_interval} |"
        )
    return lines


def _verdict(report: Json) -> str:
    """Says in words who is ahead, so that a reader does not have to search the table for it."""
    if "baseline" not in report:
        return "The linear comparison was skipped in this run."
    words = []
    for name in ("classify_issue", BUILD_LOGS, "it_ticket", IN_SCOPE, "intent"):
        own, linear = report["evaluation"][name], report["baseline"][name]
        difference = 100 * (own["accuracy"] - linear["accuracy"])
        apart = own["interval_95"][0] > linear["interval_95"][1] or own["interval_95"][1] < linear["interval_95"][0]
        clear = "the intervals do not overlap" if apart else "the intervals overlap"
        side = "better than" if difference > 0 else "worse than" if difference < 0 else "level with"
        words.append(f"- {name}: the small model is {abs(difference):.1f} points {side} the linear one; {clear}.")
    return "\n".join(words)


def _confidence(report: Json) -> list[str]:
    lines = [
        "| held-out texts | AUROC right/wrong | surest 80 % right | calibration error | linear: AUROC | linear: surest 80 % |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("classify_issue", BUILD_LOGS, "it_ticket", "intent", IN_SCOPE):
        own, linear = report["evaluation"][name], report.get("baseline", {}).get(name)
        area = own["auroc_right_wrong"]
        linear_area = linear["auroc_right_wrong"] if linear else None
        lines.append(
            f"| {name} | {'-' if area is None else f'{area:.3f}'} | {percent(own['accuracy_of_surest_80_percent'])} "
            f"| {own['calibration_error']:.3f} | {'-' if linear_area is None else f'{linear_area:.3f}'} "
            f"| {percent(linear['accuracy_of_surest_80_percent'] if linear else None)} |"
        )
    return lines


def _thresholds(report: Json) -> list[str]:
    lines = [
        "| answers | of | wanted | accept from probability | share accepted | right among them | at least (95 %) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["thresholds"]:
        if "value" not in row:
            lines.append(f"| {row['answers']} | {row['of']} | {percent(row['wanted'])} | none reaches it | - | - | - |")
            continue
        lines.append(
            f"| {row['answers']} | {row['of']} | {percent(row['wanted'])} | {row['value']:.4f} | {percent(row['share'])} "
            f"| {percent(row['accuracy'])} of {row['accepted']} | {percent(row['accuracy_low'])} |"
        )
    return lines


def _answers(report: Json) -> list[str]:
    lines = ["| true label | n | answered |", "|---|---|---|"]
    for label, figures in report["evaluation"]["classify_issue"]["by_label"].items():
        answered = ", ".join(f"{answer} {count}" for answer, count in figures["answered"].items())
        lines.append(f"| {label} | {figures['examples']} | {answered} |")
    return lines


def render(report: Json) -> str:
    shape, recipe, speed = report["shape"], report["recipe"], report["speed_tokens_per_second"]
    counts = "\n".join(f"- {name}: {number:,}" for name, number in report["counts"].items())
    tickets = ", ".join(f"{name} = `{label}`" for name, label in report["ticket_labels"].items())
    limits = _LIMITS.format(logs=report["evaluation"][BUILD_LOGS]["examples"], context=shape["context"])
    settings = "\n".join(f"- {name}: {value}" for name, value in recipe.items())
    parity = report["tokenizer_parity"]
    contract = "yes" if report["chat_template_renders_the_contract"] else "NO"
    return f"""# suffice-mini

A llama-architecture classifier of {report["parameters"]:,} parameters, trained from scratch by `tools/training/train` on public data. One model,
three tasks, chosen by the system word:

| task (system message) | labels |
|---|---|
| `classify_issue` | build, test, dependency, security, access, unknown |
| `it_ticket` | {tickets} |
| `intent` | 150 intents of CLINC150 and `oos` |

Prompt (ChatML; the file's chat template renders it): `<|im_start|>system\\nTASK<|im_end|>\\n<|im_start|>user\\nTEXT<|im_end|>\\n<|im_start|>assistant\\n`,
answer `LABEL<|im_end|>`. No BOS token. The exact labels are in `labels.json`.

| | |
|---|---|
| file | `{report["name"]}`, {report["bytes"]:,} bytes, matrices {QUANTISATION}, embeddings {EMBEDDING_QUANTISATION} |
| SHA-256 | `{report["sha256"]}` |
| shape | width {shape["width"]}, {shape["layers"]} layers, {shape["heads"]} heads, feed-forward {shape["hidden"]}, tied embeddings, {shape["vocabulary"]} byte-level BPE tokens, context {shape["context"]} tokens |
| training | {report["steps"]} steps, {report["tokens_seen"]:,} tokens, examples {", ".join(f"{task} {n:,}" for task, n in report["examples_seen"].items())} |
| cost | {report["cpu_minutes"]["training"]} CPU minutes up to the end of training, {report["cpu_minutes"]["everything"]} with evaluation and baseline; {report["machine"]} |
| speed (llama-bench, one thread, flash attention, best of 10) | {", ".join(f"{name} tokens: {value:,.0f} tokens/s" for name, value in speed.items())} |
| tokenizer, trainer against libllama | {parity["different"]} of {parity["lines"]} lines differ |
| llama-server renders the trained prompt | {contract} |
| recipe, seed | SHA-256 `{report["recipe_sha256"]}`, seed {recipe["seed"]} |

## Accuracy on texts it never saw

Measured on the quantised file through libllama, walking the trie of the labels with probabilities renormalised at every step. Build
logs are held out by project, advisories by package, tickets by text; intents are CLINC150's published validation split. The logs' last 2,000
characters are given. Intervals are Wilson's. The linear model (word 1-2-grams, character 3-5-grams) saw the same training texts (of `classify_issue`, as many draws).

{chr(10).join(_comparison(report))}

{_verdict(report)}

`classify_issue`, what was answered:

{chr(10).join(_answers(report))}

## What its probability is worth

{chr(10).join(_confidence(report))}

Thresholds on the raw probability (the product of the renormalised steps), read off the held-out texts:

{chr(10).join(_thresholds(report))}

## Limits

{limits}

## Data

{_DATA}

{counts}

## Recipe

`tools/training/train --data DIR --out models/suffice-mini` rebuilds everything; the seed is fixed, and on the same machine and packages a run that is not
interrupted gives the same file.

{settings}

![loss](loss_curve.svg)
"""
