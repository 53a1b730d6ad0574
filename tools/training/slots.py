"""The extraction task: compact JSON of the slots that a sentence names, values word for word from it.

The answer is written and read here as the gateway's grammar allows it: declared keys in order, each there or not, every value
a run of whole words of the input.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence

from sources import SLOTS, Booking

OPEN, COLON, NEXT, CLOSE, EMPTY = '{"', '":"', '","', '"}', "{}"
WHOLE = (OPEN, COLON, NEXT, CLOSE, EMPTY)  # tokens of their own


def answer_of(slots: dict[str, str]) -> str:
    return json.dumps({name: slots[name] for name in SLOTS if name in slots}, ensure_ascii=False, separators=(",", ":"))


def usable(booking: Booking) -> bool:
    """Whether the answer can be written: values that JSON must escape are not learned."""
    return all(value == json.dumps(value, ensure_ascii=False)[1:-1] for value in booking.slots.values())


def spans(text: str) -> Callable[[str, bool], bool]:
    """Says whether a string begins a run of whole words of the text, or (closed) is one."""
    starts = [i for i in range(len(text)) if not text[i].isspace() and (i == 0 or not (text[i].isalnum() and text[i - 1].isalnum()))]

    def allowed(value: str, closed: bool) -> bool:
        if not value:
            return not closed
        for start in starts:
            if text.startswith(value, start):
                end = start + len(value)
                whole = end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum())
                if not closed or (whole and not value[-1].isspace()):
                    return True
        return False

    return allowed


def may_begin(written: str, allowed: Callable[[str, bool], bool]) -> bool:
    """Whether some answer to the text begins with these characters."""
    if EMPTY.startswith(written):
        return True
    rest, key = written, 0
    opening = OPEN
    while True:
        if len(rest) <= len(opening):
            return opening.startswith(rest)
        if not rest.startswith(opening):
            return False
        rest = rest[len(opening) :]
        place = rest.find('"')
        if place < 0:
            return any(name.startswith(rest) for name in SLOTS[key:])
        name = rest[:place]
        if name not in SLOTS[key:]:
            return False
        key, rest = SLOTS.index(name) + 1, rest[place:]
        if len(rest) <= len(COLON):
            return COLON.startswith(rest)
        if not rest.startswith(COLON):
            return False
        rest = rest[len(COLON) :]
        place = rest.find('"')
        if place < 0:
            return allowed(rest, False)
        if not allowed(rest[:place], True):
            return False
        rest = rest[place:]
        if CLOSE.startswith(rest):
            return True
        if key == len(SLOTS):
            return False
        opening = NEXT


def complete(written: str, allowed: Callable[[str, bool], bool]) -> bool:
    return written == EMPTY or (written.endswith(CLOSE) and len(written) > 4 and may_begin(written, allowed))


def decode(
    logits_after: Callable[[list[int]], Sequence[float]], pieces: Sequence[str], text: str, tokens_max: int = 60
) -> tuple[str, float]:
    """The greedy answer under the grammar, and the least probability of its tokens among the five likeliest that the
    grammar allowed (the policy's min_token_probability; more than five cost time and change nothing that can be seen)."""
    allowed, written, tokens, probability = spans(text), "", [], 1.0
    for _ in range(tokens_max):
        if complete(written, allowed):
            return written, probability
        logits = logits_after(tokens)
        order = sorted(range(len(logits)), key=lambda index: -logits[index])
        good = []
        for index in order:
            if pieces[index] and may_begin(written + pieces[index], allowed):
                good.append(index)
                if len(good) == 5 or logits[good[0]] - logits[index] > 8:
                    break
        weights = [math.exp(logits[index] - logits[good[0]]) for index in good]
        probability = min(probability, weights[0] / sum(weights))
        tokens.append(good[0])
        written += pieces[good[0]]
    return "{}", 0.0


class Augmenter:
    """New sentences of known ones: other names, numbers and joined sentences. Copying is what must be learned."""

    def __init__(self, bookings: Sequence[Booking]) -> None:
        self._bookings = bookings
        self._names = {name: sorted({b.slots[name] for b in bookings if name in b.slots}) for name in ("first_name", "last_name")}
        self._single = [b for b in bookings if len(b.text) < 80]

    def draw(self, booking: Booking, rng: random.Random) -> Booking:
        kind = rng.random()
        if kind < 0.25:
            other = rng.choice(self._single)
            if not set(other.slots) & set(booking.slots) and len(booking.text) < 100:
                return self._renamed(Booking(f"{booking.text.rstrip()} {other.text}", booking.slots | other.slots), rng)
        return self._renamed(booking, rng) if kind < 0.75 else booking

    def _renamed(self, booking: Booking, rng: random.Random) -> Booking:
        text, slots = booking.text, dict(booking.slots)
        for name, value in booking.slots.items():
            if name in self._names:
                new = rng.choice(self._names[name])
                if rng.random() < 0.5:
                    new = self._invented(name, rng)
            else:
                new = "".join(str(rng.randint(1, 9)) if c.isdigit() and rng.random() < 0.7 else c for c in value)
            if text.count(value) != 1 or any(value in other or other in value for k, other in slots.items() if k != name):
                continue
            text = text.replace(value, new)
            slots[name] = new
        ok = all(value in text for value in slots.values())
        return Booking(text, slots) if ok else booking

    def _invented(self, name: str, rng: random.Random) -> str:
        first, second = rng.choice(self._names[name]), rng.choice(self._names[name])
        made = first[: rng.randint(1, max(1, len(first) - 1))] + second[rng.randint(1, max(1, len(second) - 1)) :].lower()
        return made.strip() or first
