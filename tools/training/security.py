"""The hard-stop classifier: texts that say "security matter" and texts that do not, split by package, project and ticket."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import math
import random
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data import PACKAGES_HELD_OUT, PROJECTS_HELD_OUT, TICKETS_HELD_OUT, held_out
from sources import share_of

SECURITY = "security"
ORDINARY = "ordinary"
FILES = (
    "pypa_advisories/advisories_to_2022.jsonl.gz",
    "it_tickets/train.jsonl.gz",
    "bump_build_failures/index.jsonl.gz",
    "bump_build_failures/logs.tar.xz",
    "clinc150/oos_plus_train_val.json.gz",
    "clinc150/all_wiki_sents.txt.gz",
)
# What the gateway gives the classifier at a time (gate/security_windows.hpp): a longer text is cut into such pieces.
WINDOW_BYTES = 1000
CALIBRATION_SHARE = 0.30
# The certificate: at most this share of such texts missed, at this risk of being wrong about it.
MISSES_MAX = 0.05
DELTA = 0.05
GRID = [round(0.05 * step, 2) for step in range(1, 20)]  # from lax to strict
FALSE_STOPS_MAX = {"tickets": 0.001, "build logs": 0.01}
# A ticket or log with one of these may well be what we look for, so it teaches nothing about what is ordinary. It is
# measured all the same.
PLAIN_WORDS = re.compile(
    r"vulnerab|phish|malware|ransomware|\bcve-\d|exploit|attacker|security (incident|issue|breach|advisory)|hacked|injection|\bxss\b", re.I
)


def windows(text: str, size: int = WINDOW_BYTES) -> list[str]:
    """`text` in pieces of at most `size` bytes, cut after white space where the second half of a piece has some; as the gateway cuts."""
    raw, pieces = text.encode(), []
    while len(raw) > size:
        cut = max(raw.rfind(b" ", size // 2, size), raw.rfind(b"\n", size // 2, size)) + 1
        if cut == 0:
            cut = size
            while cut > 1 and (raw[cut] & 0xC0) == 0x80:
                cut -= 1
        pieces.append(raw[:cut].decode())
        raw = raw[cut:]
    pieces.append(raw.decode())
    return pieces


@dataclass
class Texts:
    """Whole texts of one side of the split, by kind."""

    advisories: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    intents: list[str] = field(default_factory=list)


@dataclass
class Corpus:
    train: Texts = field(default_factory=Texts)
    calibration: Texts = field(default_factory=Texts)
    held_out: Texts = field(default_factory=Texts)
    sentences: list[str] = field(default_factory=list)

    def side(self, group: str, share: float) -> Texts:
        """Held out exactly where the other models' evaluation is (data.py); a part of the rest chooses the threshold."""
        if held_out(group, share):
            return self.held_out
        return self.calibration if share_of("security calibration 1", group) < CALIBRATION_SHARE else self.train


def _json_lines(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def whole_logs(directory: Path, wanted: Callable[[dict], bool] = lambda row: True) -> Iterator[tuple[str, str]]:
    """(id, text) of the build logs whose row of the index is wanted, in the archive's order."""
    rows = {row["id"]: row for row in _json_lines(directory / FILES[2])}
    with lzma.open(directory / FILES[3]) as packed, tarfile.open(fileobj=io.BufferedReader(packed), mode="r|") as logs:
        for member in logs:
            name = Path(member.name).stem
            if member.isfile() and wanted(rows[name]):
                yield name, logs.extractfile(member).read().decode("utf-8", "replace")


def load(directory: Path) -> Corpus:
    """Reads the data directory. A missing set is a FileNotFoundError that names the file."""
    corpus = Corpus()
    seen: set[str] = set()
    for row in _json_lines(directory / FILES[0]):
        text = row["details"].strip()
        if text and text not in seen:  # tensorflow, tensorflow-cpu and tensorflow-gpu share their advisories
            seen.add(text)
            corpus.side(f"package {row['package'].split('-')[0]}", PACKAGES_HELD_OUT).advisories.append(text)
    for row in _json_lines(directory / FILES[1]):
        text = row["text"].strip()
        if text:
            corpus.side(f"ticket {text}", TICKETS_HELD_OUT).tickets.append(text)
    project = {row["id"]: row["project"] for row in _json_lines(directory / FILES[2])}
    for name, text in whole_logs(directory):
        corpus.side(f"project {project[name]}", PROJECTS_HELD_OUT).logs.append(text)
    with gzip.open(directory / FILES[4], "rt", encoding="utf-8") as file:
        intents = json.load(file)
    corpus.train.intents = [text for text, _ in intents["train"] + intents["oos_train"]]
    corpus.held_out.intents = [text for text, _ in intents["val"] + intents["oos_val"]]
    with gzip.open(directory / FILES[5], "rt", encoding="utf-8") as lines:
        corpus.sentences = [line.strip() for line in lines if 20 < len(line) < 400]
    return corpus


def examples(corpus: Corpus, rng: random.Random) -> list[tuple[str, str]]:
    """What is fitted: advisories whole and in part, as they are told and as they are pasted; ordinary texts of every kind."""
    rows: list[tuple[str, str]] = []
    for text in corpus.train.advisories:
        rows += [(piece, SECURITY) for piece in windows(text)[:3]]
        words = text.split()
        if len(words) > 24:
            rows.append((" ".join(words[: rng.randint(12, len(words) // 2)])[:WINDOW_BYTES], SECURITY))
    ordinary = rng.sample(corpus.train.tickets, 9000) + rng.sample(corpus.train.intents, 2500) + rng.sample(corpus.sentences, 2500)
    for log in corpus.train.logs:
        pieces = windows(log)
        ordinary += rng.sample(pieces, min(20, len(pieces))) + pieces[-4:]
    for text in ordinary:
        rows += [(piece, ORDINARY) for piece in windows(text)[:3] if piece.strip() and not PLAIN_WORDS.search(piece)]
    rng.shuffle(rows)
    return rows


Pieces = dict[str, list[list[str]]]  # by "side kind": of each text its pieces


def measured_pieces(corpus: Corpus) -> Pieces:
    """What is scored: every text that was not fitted on, whole, as the gateway reads it."""
    sides = {"calibration": corpus.calibration, "held out": corpus.held_out}
    kinds = {"advisories": "advisories", "tickets": "tickets", "build logs": "logs", "intents": "intents"}
    return {
        f"{side} {kind}": [windows(text) for text in getattr(texts, field_name)] for side, texts in sides.items() for kind, field_name in kinds.items()
    }


def scores_of(pieces: Pieces, answers: Iterator[dict]) -> dict[str, list[float]]:
    """The probability of "security" of each text: that of its most suspicious piece. `answers` in the order of `pieces`."""

    def probability(answer: dict) -> float:
        return answer["probability"] if answer["predicted"] == SECURITY else 1 - answer["probability"]

    return {name: [max(probability(next(answers)) for _ in own) for own in group] for name, group in pieces.items()}


def binomial_at_most(successes: int, trials: int, probability: float) -> float:
    """P(Bin(trials, probability) <= successes), by its logarithms."""
    if probability <= 0 or successes >= trials:
        return 1.0
    if probability >= 1:
        return 0.0

    def log_mass(k: int) -> float:
        choose = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        return choose + k * math.log(probability) + (trials - k) * math.log1p(-probability)

    return math.fsum(math.exp(log_mass(k)) for k in range(successes + 1))


def exact_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson, by bisection."""
    tail = (1 - confidence) / 2

    def root(wanted: Callable[[float], bool]) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if wanted(middle) else (low, middle)
        return low

    lower = 0.0 if successes == 0 else root(lambda p: 1 - binomial_at_most(successes - 1, trials, p) < tail)
    upper = 1.0 if successes == trials else root(lambda p: binomial_at_most(successes, trials, p) > tail)
    return lower, upper


def _share(successes: int, trials: int) -> dict:
    low, high = exact_interval(successes, trials)
    return {"n": trials, "stopped": successes, "share": successes / trials, "interval_95": [round(low, 5), round(high, 5)]}


def certified(scores: dict[str, list[float]]) -> dict:
    """The threshold by Learn-then-Test, and what it does to texts that chose nothing.

    From lax to strict, a threshold stands while P(Bin(n, MISSES_MAX) <= misses) <= DELTA on the calibration advisories; the first that fails ends
    the walk. Of those that stand, the laxest whose false stops on calibration tickets and logs are rare enough is taken: choosing
    among certified thresholds costs no confidence.
    """
    advisories = scores["calibration advisories"]
    standing: list[float] = []
    for threshold in GRID:
        misses = sum(score < threshold for score in advisories)
        if binomial_at_most(misses, len(advisories), MISSES_MAX) > DELTA:
            break
        standing.append(threshold)

    def stopped(name: str, threshold: float) -> int:
        return sum(score >= threshold for score in scores[name])

    def quiet(threshold: float) -> bool:
        return all(stopped(f"calibration {kind}", threshold) <= most * len(scores[f"calibration {kind}"]) for kind, most in FALSE_STOPS_MAX.items())

    chosen = next((threshold for threshold in standing if quiet(threshold)), None)
    if chosen is None:
        raise SystemExit("no threshold is certified and quiet enough: nothing to ship")
    side = {name: _share(stopped(name, chosen), len(own)) for name, own in scores.items() if own}
    return {
        "threshold": chosen,
        "certificate": {
            "claim": f"at most {MISSES_MAX:.0%} of such advisories are missed, at confidence {1 - DELTA:.0%}",
            "method": "Learn-then-Test, fixed sequence from lax to strict, exact binomial",
            "n": len(advisories),
            "misses": sum(score < chosen for score in advisories),
            "alpha": MISSES_MAX,
            "delta": DELTA,
            "strictest_certified": standing[-1],
        },
        "calibration": {name.removeprefix("calibration "): own for name, own in side.items() if name.startswith("calibration ")},
        "held_out": {name.removeprefix("held out "): own for name, own in side.items() if name.startswith("held out ")},
    }
