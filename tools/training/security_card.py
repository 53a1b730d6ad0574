"""MODEL_CARD.md of the hard-stop classifier, from metrics.json alone, so that no figure in it is typed by hand."""

from __future__ import annotations

SOURCES = (
    "PyPA advisory database to 2022, https://github.com/pypa/advisory-database, CC BY 4.0",
    "IT Service Ticket Classification, Karol Zak / Endava, https://github.com/Lunalykaya/IT-Service-Ticket-Classification, CC0 1.0",
    "BUMP, CHAINS research project at KTH, https://github.com/chains-project/bump, MIT",
    "CLINC150, Larson et al., EMNLP 2019, https://github.com/clinc/oos-eval, CC BY 3.0",
)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _rows(report: dict) -> str:
    lines = ["| texts it never saw | n | stopped | 95 % interval (exact) |", "|---|---|---|---|"]
    for kind, own in report["held_out"].items():
        digits = 1 if kind == "advisories" else 2
        low, high = own["interval_95"]
        lines.append(f"| {kind} | {own['n']:,} | **{_percent(own['share'], digits)}** ({own['stopped']:,}) | {_percent(low, digits)} to {_percent(high, digits)} |")
    return "\n".join(lines)


def card(report: dict) -> str:
    own, origin = report["certificate"], "\n".join(f"- {source}" for source in SOURCES)
    hashes = "\n".join(f"- `{name}`: SHA-256 `{value}`" for name, value in report["data_sha256"].items())
    counts = ", ".join(f"{name} {number:,}" for name, number in report["counts"].items())
    return f"""# {report["name"]}

Whether a text is about a security matter: a vulnerability, an attack, an advisory. A linear classifier over hashed n-grams
(docs/formats.md, "Classifier") that stands **beside** the words and patterns of the hard stop `security`, never instead of them:
it can only stop more.

| | |
|---|---|
| file | `{report["file"]}`, {report["bytes"]:,} bytes |
| SHA-256 | `{report["sha256"]}` |
| labels | `security` stops; `ordinary` does not |
| threshold | **{report["threshold"]}** |
| fitted | in {report["seconds"]} s; {report["machine"]} |
| speed | {report["piece_us_median"]} us a piece of at most 1,000 bytes, median, on a busy machine |
| licence | Apache-2.0, with the attributions below |

## Certificate

{own["claim"]}: {own["misses"]} of {own["n"]} calibration advisories are missed ({own["method"]}; alpha {own["alpha"]}, delta {own["delta"]}). The walk
certified every threshold up to {own["strictest_certified"]}; the laxest of them that stops at most 0.1 % of the calibration tickets and 1 % of the calibration logs is
used. The classifier alone; with the patterns beside it fewer are missed (docs/evidence_judgement.md).

## On texts that chose nothing

Held out by package, ticket and project, as for the other models. A text longer than 1,000 bytes is read in pieces, and one piece is enough.

{_rows(report)}

## Limits

- "Security" means "reads like an advisory of a Python package, whole or in part". Other ways to speak of security (a customer's, a lawyer's, an
  attacker's) were not measured, and word lists and labels remain the first net.
- It knows English. A certificate holds for texts like those it was made from, and for no others.
- Ordinary means tickets, Maven logs and short requests; source code, chats and prose about computers were not measured.
- It does not find refused logins, leaked keys or destructive commands: the patterns of the other groups are for these.

## Data

{origin}

{hashes}

{counts}. Tickets and log pieces with a plain word of security in them were left out of the ordinary examples, not out of the measurement.

## Recipe

`tools/training/train_security --data DIR --out models/{report["name"]}` fits it again: the same data give the same file.
"""
