"""What the extraction specialist must be compared with: rules written by hand, and a linear tagger on the same texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from baseline import make_sklearn_importable
from sources import SLOTS, Booking

_NUMBER = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|twenty)"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_RULES = {
    "people": (
        rf"\b{_NUMBER} (?:people|persons?|guests|adults)(?: and {_NUMBER} (?:children|child|kids?))?\b",
        rf"(?:for|of|be|are) ({_NUMBER})\b(?! ?(?:am|pm|:|o'clock))",
    ),
    "date": (
        rf"\b(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH})\b",
        rf"\b(?:tomorrow|tonight|today|this evening|in \d+ days|(?:next |this )?{_DAY}|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?|\d{{1,2}}(?:st|nd|rd|th))\b",
    ),
    "time": (r"\b\d{1,2}(?::\d{2})? ?(?:am|pm|a\.m\.|p\.m\.|o'clock)", r"\b\d{1,2}:\d{2}\b", rf"\bat ({_NUMBER})\b"),
}
_NAMES = re.compile(r"(?:name is|name's|under|i'm|i am|this is|for) ([A-Z][a-z'-]+)(?: ([A-Z][a-z'-]+))?")


def by_rules(text: str) -> dict[str, str]:
    out = {}
    for name, patterns in _RULES.items():
        for pattern in patterns:
            match = re.search(pattern, text, re.IGNORECASE)
            if match:
                out[name] = match.group(1) if match.groups() and match.group(1) else match.group(0)
                break
    match = re.search(_NAMES, text) or re.fullmatch(r"([A-Z][a-z'-]+) ([A-Z][a-z'-]+)\.?", text)
    if match:
        out["first_name"] = match.group(1)
        if match.group(2):
            out["last_name"] = match.group(2)
    return out


_TOKEN = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")


def _features(tokens: Sequence[str], place: int) -> dict[str, float]:
    out = {"bias": 1.0, "first": float(place == 0), "length": float(min(8, len(tokens)))}
    for step in (-3, -2, -1, 0, 1, 2, 3):
        at = place + step
        token = tokens[at] if 0 <= at < len(tokens) else "<none>"
        out[f"{step} {token.lower()}"] = 1.0
        shape = re.sub(r"[A-Z]+", "A", re.sub(r"[a-z]+", "a", re.sub(r"\d", "9", token)))
        out[f"{step} shape {shape}"] = 1.0
        if abs(step) <= 1:
            out[f"{step} end {token[-3:].lower()}"] = 1.0
    for step in (-1, 0):
        pair = [tokens[at].lower() if 0 <= at < len(tokens) else "<none>" for at in (place + step, place + step + 1)]
        out[f"pair {step} {' '.join(pair)}"] = 1.0
    return out


class Tagger:
    """Logistic regression over each token and its neighbours, tags begin-inside-outside; the best run of every slot."""

    def __init__(self, rows: Sequence[Booking]) -> None:
        make_sklearn_importable()
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        features, tags = [], []
        for row in rows:
            matches = list(_TOKEN.finditer(row.text))
            tokens, marks = [m.group() for m in matches], ["out"] * len(matches)
            for name, value in row.slots.items():
                start = row.text.find(value)
                inside = [i for i, m in enumerate(matches) if start <= m.start() < start + len(value)]
                for order, index in enumerate(inside):
                    marks[index] = f"{name} {'inside' if order else 'begin'}"
            features += [_features(tokens, place) for place in range(len(tokens))]
            tags += marks
        self._model = make_pipeline(DictVectorizer(), LogisticRegression(C=3.0, solver="liblinear", random_state=0))
        self._model.fit(features, tags)

    def extract(self, text: str) -> dict[str, str]:
        matches = list(_TOKEN.finditer(text))
        tokens = [m.group() for m in matches]
        if not tokens:
            return {}
        tags = list(self._model.predict([_features(tokens, place) for place in range(len(tokens))]))
        out: dict[str, str] = {}
        for name in SLOTS:
            start = next((i for i, tag in enumerate(tags) if tag == f"{name} begin"), None)
            if start is None:
                continue
            end = start + 1
            while end < len(tags) and tags[end] == f"{name} inside":
                end += 1
            out[name] = text[matches[start].start() : matches[end - 1].end()]
        return out
