"""Readers of the data sets that one task uses alone, with their splits. What is held out never reaches training."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

Labelled = list[tuple[str, str]]  # text, label


def share_of(name: str, text: str) -> float:
    """A number in [0, 1) that depends on the split's name and the text only: the same answer for ever."""
    digest = hashlib.sha256(f"{name}\n{' '.join(text.lower().split())}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def file_hashes(directory: Path, files: list[str]) -> dict[str, str]:
    """SHA-256 of each data file, for the record of what a model was made from."""
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in files}


BANKING_FILES = ["banking77/train.csv.gz"]


def banking(directory: Path) -> tuple[Labelled, Labelled, Labelled]:
    """BANKING77's training file: (train, tuning, held out), 15 % held out and 5 % for tuning by a hash of the text, so
    equal texts are on one side."""
    raw = gzip.decompress((directory / BANKING_FILES[0]).read_bytes()).decode()
    parts: tuple[Labelled, Labelled, Labelled] = ([], [], [])
    for row in csv.DictReader(io.StringIO(raw)):
        place = share_of("banking77 split 1", row["text"])
        parts[2 if place < 0.15 else 1 if place < 0.20 else 0].append((row["text"].strip(), row["category"]))
    return parts


SLOT_FILES = ["restaurant8k_spans/train.jsonl.gz"]
SLOTS = ("people", "date", "time", "first_name", "last_name")


@dataclass(frozen=True)
class Booking:
    """A sentence to a restaurant's booking line; every value is a part of the text, keys in the order of SLOTS."""

    text: str
    slots: dict[str, str]


def bookings(directory: Path) -> tuple[list[Booking], list[Booking], list[Booking]]:
    """RESTAURANTS-8K's training file: (train, tuning, held out), 15 % and 5 % by a hash of the text.

    What the assistant had asked before is left out, as a gateway does not see it; of one text with several answers the
    first is taken.
    """
    parts: tuple[list[Booking], list[Booking], list[Booking]] = ([], [], [])
    seen: set[str] = set()
    with gzip.open(directory / SLOT_FILES[0], "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            text = row["text"].strip()
            if text in seen or not text:
                continue
            seen.add(text)
            place = share_of("restaurant8k split 1", text)
            slots = {name: row["slots"][name].strip() for name in SLOTS if name in row["slots"]}
            parts[2 if place < 0.15 else 1 if place < 0.20 else 0].append(Booking(text, slots))
    return parts
