"""Byte-level BPE, trained here and stored in the GGUF as llama.cpp's "gpt-2" tokenizer.

Training and encoding are pure functions of their input: the same corpus gives the same merges on every machine.
`test_tokenizer.py` fixes the behaviour; `evaluate.tokenizer_parity` compares it with libllama line by line.
"""

from __future__ import annotations

import functools
import heapq
import random
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
CONTROL_TOKENS = (IM_START, IM_END)

# llama.cpp's list (unicode_set_whitespace), which is Unicode's White_Space property. Python's str.isspace() also
# counts U+001C..U+001F.
_WHITESPACE = "\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"

MERGE_DROPOUT = 0.25  # of a word that is cut: the chance of each merge to be left out each time it is looked for

Pair = tuple[str, str]


@functools.cache
def byte_symbols() -> tuple[str, ...]:
    """GPT-2's printable stand-in for each of the 256 bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    symbols: dict[int, str] = {byte: chr(byte) for byte in printable}
    spare = 256
    for byte in range(256):
        if byte not in symbols:
            symbols[byte] = chr(spare)
            spare += 1
    return tuple(symbols[byte] for byte in range(256))


def _category_class(initial: str) -> str:
    """The inside of a character class holding every code point whose general category starts with `initial`."""
    ranges: list[str] = []
    start = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] == initial
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = None
    return "".join(ranges)


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    """GPT-2's pre-tokenizer: contractions, words, numbers and punctuation, each with one leading space at most."""
    letters, numbers = _category_class("L"), _category_class("N")
    return re.compile(
        f"'(?:[stmd]|re|ve|ll)| ?[{letters}]+| ?[{numbers}]+| ?[^{_WHITESPACE}{letters}{numbers}]+"
        f"|[{_WHITESPACE}]+(?![^{_WHITESPACE}])|[{_WHITESPACE}]+"
    )


@functools.cache
def _phrase_pattern() -> re.Pattern[str]:
    """BLOOM's pre-tokenizer as llama.cpp has it; the text between two matches is a piece of its own."""
    return re.compile(f" ?[^({_WHITESPACE}|.,!?…。，、।۔،)]+")


def words_of(text: str, pre: str = "gpt-2") -> list[str]:
    """The pieces that BPE never merges across. Joined, they are `text` again.

    `pre` is llama.cpp's name of the pre-tokenizer: "gpt-2", or "bloom", which keeps words joined by "_" in one piece.
    """
    if pre == "gpt-2":
        return _word_pattern().findall(text)
    if pre != "bloom":
        raise ValueError(f"no pre-tokenizer {pre!r} here; there are gpt-2 and bloom")
    pieces, done = [], 0
    for match in _phrase_pattern().finditer(text):
        pieces += [text[done : match.start()]] if match.start() > done else []
        pieces.append(match.group())
        done = match.end()
    return pieces + ([text[done:]] if done < len(text) else [])


def _to_symbols(word: str) -> list[str]:
    table = byte_symbols()
    return [table[byte] for byte in word.encode("utf-8")]


def train_merges(word_counts: Counter[str], merge_count: int, occurs_min: int = 2) -> list[Pair]:
    """The `merge_count` most useful merges, best first; ties go to the pair that sorts first."""
    words = [(_to_symbols(word), count) for word, count in sorted(word_counts.items())]
    counts: Counter[Pair] = Counter()
    found_in: dict[Pair, set[int]] = defaultdict(set)
    for index, (symbols, count) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            counts[pair] += count
            found_in[pair].add(index)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)

    merges: list[Pair] = []
    while heap and len(merges) < merge_count:
        negative, pair = heapq.heappop(heap)
        if counts[pair] != -negative:  # outdated: its count changed after it was pushed
            if counts[pair] > 0:
                heapq.heappush(heap, (-counts[pair], pair))
            continue
        if -negative < occurs_min:
            break
        merges.append(pair)
        for index in found_in.pop(pair):
            symbols, count = words[index]
            for old in zip(symbols, symbols[1:]):
                counts[old] -= count
            _merge_in_place(symbols, pair)
            for new in zip(symbols, symbols[1:]):
                counts[new] += count
                if index not in found_in[new]:
                    found_in[new].add(index)
                if pair[0] + pair[1] in new:
                    heapq.heappush(heap, (-counts[new], new))
        counts[pair] = 0
    return merges


def _merge_in_place(symbols: list[str], pair: Pair) -> None:
    merged = pair[0] + pair[1]
    read = write = 0
    while read < len(symbols):
        if read + 1 < len(symbols) and symbols[read] == pair[0] and symbols[read + 1] == pair[1]:
            symbols[write] = merged
            read += 2
        else:
            symbols[write] = symbols[read]
            read += 1
        write += 1
    del symbols[write:]


class Tokenizer:
    """Text to token ids and back. Control tokens come last and never arise from text."""

    def __init__(self, merges: list[Pair], pre: str = "gpt-2") -> None:
        self.merges = merges
        self.pre = pre
        pairs = dict.fromkeys(a + b for a, b in merges)  # two ways to merge may make one token
        self.tokens: list[str] = [*byte_symbols(), *pairs, *CONTROL_TOKENS]
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._cache: dict[str, list[int]] = {}
        self.im_start = self._ids[IM_START]
        self.im_end = self._ids[IM_END]

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def train(
        cls, texts: Iterable[str], vocabulary: int, pre: str = "gpt-2", whole: Sequence[str] = (), occurs_min: int = 2
    ) -> Tokenizer:
        """A tokenizer of at most `vocabulary` tokens (fewer when pairs occur less than `occurs_min` times), and in which
        every word of `whole` is one token besides. A word that `pre` cuts is a ValueError."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(words_of(text, pre))
        merges: list[Pair] = []
        seen = set(byte_symbols())
        # Two merge paths may make the same string; a vocabulary holds it once.
        for pair in train_merges(counts, 2 * vocabulary, occurs_min):
            if len(seen) + len(CONTROL_TOKENS) >= vocabulary:
                break
            if pair[0] + pair[1] not in seen:
                seen.add(pair[0] + pair[1])
                merges.append(pair)
        for word in whole:
            if words_of(word, pre) != [word]:
                raise ValueError(f"{word!r} cannot be one token: the pre-tokenizer {pre} cuts it")
            merges += cls(merges, pre)._joining(word)
        return cls(merges, pre)

    def _joining(self, word: str) -> list[Pair]:
        """The merges that are missing for `word` to become one token. They come last, so they change no other word that
        is one token already."""
        symbols = [self.tokens[index] for index in self._encode_word(word)]
        return [("".join(symbols[:length]), symbols[length]) for length in range(1, len(symbols))]

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text: "<|im_end|>" in it becomes ordinary characters."""
        ids: list[int] = []
        for word in words_of(text, self.pre):
            cached = self._cache.get(word)
            if cached is None:
                cached = self._encode_word(word)
                if len(word) <= 24:
                    self._cache[word] = cached
            ids.extend(cached)
        return ids

    def encode_cut(self, text: str, share: float, rng: random.Random) -> list[int]:
        """The same text with that share of its words in smaller pieces: merges left out at random (BPE-dropout, Provilkov et
        al., 2020). Training on such texts teaches what the parts of a word that was never seen mean."""
        ids: list[int] = []
        for word in words_of(text, self.pre):
            if rng.random() < share:
                ids.extend(self._encode_word(word, rng))
            else:
                ids.extend(self._cache.get(word) or self._encode_word(word))
        return ids

    def _encode_word(self, word: str, cut: random.Random | None = None) -> list[int]:
        symbols = _to_symbols(word)
        while len(symbols) > 1:
            ranked = [(self._ranks[pair], pair) for pair in zip(symbols, symbols[1:]) if pair in self._ranks]
            if cut is not None:
                ranked = [entry for entry in ranked if cut.random() >= MERGE_DROPOUT]
            if not ranked:
                break
            _merge_in_place(symbols, min(ranked)[1])
        return [self._ids[symbol] for symbol in symbols]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; control tokens by name, bytes that are no UTF-8 as U+FFFD."""
        bytes_of = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
        out = bytearray()
        for index in ids:
            token = self.tokens[index]
            if token in CONTROL_TOKENS:
                out += token.encode()
            else:
                out += bytes(bytes_of[symbol] for symbol in token)
        return out.decode("utf-8", errors="replace")
