"""Reads the public data sets, splits them, and draws training examples. The evaluation splits never reach training.

Splits: build logs by project and advisories by package (a near copy on both sides would be no test), tickets by
text, intents as published. A group's side is decided by a hash of its name, so it does not move when data is added.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ISSUE = "classify_issue"
TICKET = "it_ticket"
INTENT = "intent"
TASKS = (ISSUE, TICKET, INTENT)
ISSUE_LABELS = ("build", "test", "dependency", "security", "access", "unknown")
BUILD_LOG_LABELS = ("build", "test", "dependency")
OUT_OF_SCOPE = "oos"

# The data set's class name -> our label.
TICKET_LABELS = {
    "Access": "access",
    "Administrative rights": "administrative_rights",
    "HR Support": "hr_support",
    "Hardware": "hardware",
    "Internal Project": "internal_project",
    "Miscellaneous": "miscellaneous",
    "Purchase": "purchase",
    "Storage": "storage",
}
ACCESS_TICKETS = ("access", "administrative_rights")

# Chosen once, before any training: the first number that leaves all three build-log labels at least 20 held-out logs
# from at least 25 projects.
SPLIT_NUMBER = 9
PROJECTS_HELD_OUT = 0.23
PACKAGES_HELD_OUT = 0.15
TICKETS_HELD_OUT = 0.10

LOG_CHARS_MAX = 2000
LOG_CHARS_MIN = 300


@dataclass(frozen=True)
class Example:
    task: str
    text: str
    label: str
    source: str  # which data set, for the per-source figures
    extra: bool = False  # a second view of a held-out text; reported apart, in no total


@dataclass(frozen=True)
class BuildLog:
    project: str
    label: str
    tail: str
    error_lines: str


@dataclass
class Corpus:
    """Everything that is read, already split. `held_out` is for evaluation only."""

    train_logs: list[BuildLog] = field(default_factory=list)
    train_tickets: list[tuple[str, str]] = field(default_factory=list)  # text, label
    train_intents: list[tuple[str, str]] = field(default_factory=list)
    train_out_of_scope: list[str] = field(default_factory=list)
    train_advisories: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)  # encyclopedia sentences: neither a request nor an issue
    labels: dict[str, list[str]] = field(default_factory=dict)
    held_out: list[Example] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def held_out(group: str, share: float) -> bool:
    """Whether the group belongs to the evaluation split; the same answer for ever."""
    digest = hashlib.sha256(f"suffice-mini split {SPLIT_NUMBER}\n{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def _json_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def log_tail(text: str, chars: int = LOG_CHARS_MAX) -> str:
    return text[-chars:].strip()


def load(directory: Path) -> Corpus:
    """Reads the data directory. A missing set is a FileNotFoundError that names the file."""
    corpus = Corpus()
    rng = random.Random("held-out selection")
    _load_build_logs(directory, corpus)
    _load_advisories(directory, corpus)
    _load_tickets(directory, corpus, rng)
    _load_intents(directory, corpus)
    corpus.labels = {
        ISSUE: list(ISSUE_LABELS),
        TICKET: sorted(TICKET_LABELS.values()),
        INTENT: [*sorted({label for _, label in corpus.train_intents}), OUT_OF_SCOPE],
    }
    corpus.counts = _count(corpus)
    return corpus


def load_some(directory: Path, tasks: Sequence[str]) -> Corpus:
    """Only what these of the tasks TICKET and INTENT need; the same splits as `load`."""
    corpus = Corpus()
    if TICKET in tasks:
        _load_tickets(directory, corpus, random.Random("held-out selection"))
    if INTENT in tasks:
        _load_intents(directory, corpus)
    return corpus


def _load_build_logs(directory: Path, corpus: Corpus) -> None:
    for row in _json_lines(directory / "bump_build_failures" / "index.jsonl.gz"):
        if held_out(f"project {row['project']}", PROJECTS_HELD_OUT):
            label, errors = row["label"], row["error_lines"][:600].strip()
            corpus.held_out.append(Example(ISSUE, log_tail(row["tail"]), label, "build log"))
            short = log_tail(row["tail"], 1000)
            corpus.held_out.append(Example(ISSUE, short, label, "build log, last 1,000 characters", extra=True))
            if errors:
                corpus.held_out.append(Example(ISSUE, errors, label, "build log, first 600 of its errors", extra=True))
        else:
            corpus.train_logs.append(BuildLog(row["project"], row["label"], row["tail"], row["error_lines"]))


def _load_advisories(directory: Path, corpus: Corpus) -> None:
    seen: set[str] = set()
    for row in _json_lines(directory / "pypa_advisories" / "advisories_to_2022.jsonl.gz"):
        text = row["details"].strip()
        if not text or text in seen:  # tensorflow, tensorflow-cpu and tensorflow-gpu share their advisories
            continue
        seen.add(text)
        if held_out(f"package {row['package'].split('-')[0]}", PACKAGES_HELD_OUT):
            corpus.held_out.append(Example(ISSUE, text[:LOG_CHARS_MAX], "security", "advisory"))
        else:
            corpus.train_advisories.append(text)


def _load_tickets(directory: Path, corpus: Corpus, rng: random.Random) -> None:
    """Every held-out ticket tests `it_ticket`; a sample of them tests `classify_issue`, where most are "unknown"."""
    tickets: dict[str, list[Example]] = {"access": [], "unknown": []}
    for row in _json_lines(directory / "it_tickets" / "train.jsonl.gz"):
        text, label = row["text"].strip(), TICKET_LABELS[row["label"]]
        if not text:
            continue
        if held_out(f"ticket {text}", TICKETS_HELD_OUT):
            corpus.held_out.append(Example(TICKET, text[:LOG_CHARS_MAX], label, "ticket"))
            issue = "access" if label in ACCESS_TICKETS else "unknown"
            tickets[issue].append(Example(ISSUE, text[:LOG_CHARS_MAX], issue, "ticket"))
        else:
            corpus.train_tickets.append((text, label))
    for examples in tickets.values():
        corpus.held_out.extend(rng.sample(examples, min(300, len(examples))))


def _load_intents(directory: Path, corpus: Corpus) -> None:
    folder = directory / "clinc150"
    with gzip.open(folder / "oos_plus_train_val.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)
    corpus.train_intents = [(text, label) for text, label in rows["train"]]
    corpus.train_out_of_scope = [text for text, _ in rows["oos_train"]]
    corpus.held_out += [Example(INTENT, text, label, "intent") for text, label in rows["val"]]
    for text, _ in rows["oos_val"]:
        corpus.held_out.append(Example(INTENT, text, OUT_OF_SCOPE, "out of scope"))
        corpus.held_out.append(Example(ISSUE, text, "unknown", "out of scope"))
    with gzip.open(folder / "all_wiki_sents.txt.gz", "rt", encoding="utf-8") as lines:
        corpus.sentences = [line.strip() for line in lines if 20 < len(line) < 400]


def _count(corpus: Corpus) -> dict[str, int]:
    counts = {
        "train build logs": len(corpus.train_logs),
        "train build log projects": len({log.project for log in corpus.train_logs}),
        "train advisories": len(corpus.train_advisories),
        "train tickets": len(corpus.train_tickets),
        "train intents": len(corpus.train_intents),
        "train out of scope": len(corpus.train_out_of_scope),
        "sentences": len(corpus.sentences),
    }
    for (task, source), number in sorted(Counter((e.task, e.source) for e in corpus.held_out).items()):
        counts[f"held out {task}, {source}"] = number
    return counts


_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]{3,}")
_FOOTER = "[ERROR] To see the full stack trace"


class LogWindows:
    """Cuts what a person might paste out of a build log, and hides which project it is from.

    Words that only one or two training projects use are exchanged, consistently within a window, for such words of
    other projects: a few hundred logs are easy to recognise by name, and recognising them teaches nothing.
    """

    def __init__(self, logs: Sequence[BuildLog]) -> None:
        projects: dict[str, set[str]] = {}
        for log in logs:
            for word in set(_IDENTIFIER.findall(log.tail)):
                projects.setdefault(word, set()).add(log.project)
        self._common = {word for word, users in projects.items() if len(users) >= 3}
        self._rare = sorted(set(projects) - self._common)

    def draw(self, log: BuildLog, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.55:
            text = self._end_of(log.tail, rng)
        elif kind < 0.70:
            text = self._end_of(log.tail.split(_FOOTER)[0], rng)
        else:
            text = self._error_part(log, rng)
        return self._renamed(text, rng) if rng.random() < 0.6 else text

    @staticmethod
    def _end_of(text: str, rng: random.Random) -> str:
        # Half the windows are of the length that is evaluated and that the gateway sends.
        chars = LOG_CHARS_MAX if rng.random() < 0.4 else rng.randint(2 * LOG_CHARS_MIN, LOG_CHARS_MAX)
        if _FOOTER not in text:
            chars = rng.randint(LOG_CHARS_MIN, LOG_CHARS_MAX)
        return log_tail(text, chars)

    @staticmethod
    def _error_part(log: BuildLog, rng: random.Random) -> str:
        lines = (log.error_lines or log.tail).split(_FOOTER)[0].splitlines()
        if not lines:
            return log_tail(log.tail)
        start = 0 if rng.random() < 0.5 else rng.randrange(len(lines))
        text = "\n".join(lines[start:])[: rng.randint(LOG_CHARS_MIN, LOG_CHARS_MAX)].strip()
        return text if len(text) >= 80 else log_tail(log.tail)

    def _renamed(self, text: str, rng: random.Random) -> str:
        names: dict[str, str] = {}

        def other(match: re.Match[str]) -> str:
            word = match.group()
            if word in self._common or not self._rare:
                return word
            return names.setdefault(word, rng.choice(self._rare))

        return _IDENTIFIER.sub(other, text)[-LOG_CHARS_MAX:]


class Sampler:
    """Draws one epoch of examples per task, class-balanced where the classes are not what a user would send."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._windows = LogWindows(corpus.train_logs)
        self._logs = {label: [log for log in corpus.train_logs if log.label == label] for label in BUILD_LOG_LABELS}
        self._access = [text for text, label in corpus.train_tickets if label in ACCESS_TICKETS]
        self._other = [text for text, label in corpus.train_tickets if label not in ACCESS_TICKETS]

    def epoch(self, task: str, rng: random.Random) -> list[Example]:
        draw: Callable[[random.Random], list[Example]] = {
            ISSUE: self._issues,
            TICKET: self._tickets,
            INTENT: self._intents,
        }[task]
        examples = draw(rng)
        rng.shuffle(examples)
        return examples

    def _issues(self, rng: random.Random) -> list[Example]:
        examples = []
        for label, logs in self._logs.items():
            for _ in range(160):
                examples.append(Example(ISSUE, self._windows.draw(rng.choice(logs), rng), label, "build log"))
        for text in rng.sample(self._corpus.train_advisories, 250):
            examples.append(Example(ISSUE, _clip(text, rng), "security", "advisory"))
        for text in rng.sample(self._access, 400):
            examples.append(Example(ISSUE, _clip(text, rng), "access", "ticket"))
        unknown = (
            rng.sample(self._other, 400)
            + rng.sample(self._corpus.train_out_of_scope, 60)
            + [text for text, _ in rng.sample(self._corpus.train_intents, 30)]
            + rng.sample(self._corpus.sentences, 30)
        )
        examples += [Example(ISSUE, _clip(text, rng), "unknown", "other") for text in unknown]
        return examples

    def _tickets(self, rng: random.Random) -> list[Example]:
        return [Example(TICKET, _clip(text, rng, 600), label, "ticket") for text, label in self._corpus.train_tickets]

    def _intents(self, rng: random.Random) -> list[Example]:
        examples = [Example(INTENT, text, label, "intent") for text, label in self._corpus.train_intents]
        outside = 2 * self._corpus.train_out_of_scope + rng.sample(self._corpus.sentences, 200)
        outside += [_clip(text, rng, 150) for text, _ in rng.sample(self._corpus.train_tickets, 60)]
        return examples + [Example(INTENT, text, OUT_OF_SCOPE, "out of scope") for text in outside]


def _clip(text: str, rng: random.Random, chars: int = LOG_CHARS_MAX) -> str:
    """Long texts are cut, at a random length half of the time: a user pastes a part."""
    if len(text) > 300 and rng.random() < 0.5:
        chars = rng.randint(min(200, chars), chars)
    return text[:chars].strip()


def tokenizer_texts(corpus: Corpus) -> list[str]:
    """What the tokenizer learns its merges from: training texts, each kind in a fair share, and the labels."""
    rng = random.Random("tokenizer corpus")
    windows = LogWindows(corpus.train_logs)
    texts = [text for text, _ in corpus.train_intents] * 2
    texts += corpus.train_out_of_scope
    texts += [text for text, _ in corpus.train_tickets[:9000]]
    texts += [windows.draw(log, rng) for log in corpus.train_logs for _ in range(4)]
    texts += corpus.train_advisories
    texts += corpus.sentences[:1000]
    texts += [label for labels in corpus.labels.values() for label in labels for _ in range(60)]
    return texts
