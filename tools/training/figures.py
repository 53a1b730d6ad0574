"""The figures of the model card, as pure functions of right/wrong outcomes and the model's probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Outcome:
    right: bool
    probability: float


@dataclass(frozen=True)
class Threshold:
    """Accepting every answer with `probability >= value` gives `accuracy` over `share` of the answers."""

    value: float
    share: float
    accepted: int
    accuracy: float
    accuracy_low: float  # lower end of the 95 % Wilson interval


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, 1927). (0, 1) without any observation."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = right / total, Z_95 * Z_95
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z_95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def auroc(outcomes: Sequence[Outcome]) -> float | None:
    """Probability that a right answer has the higher probability, ties half; None when all are right or all wrong."""
    ranked = sorted(outcomes, key=lambda outcome: outcome.probability)
    rights = sum(outcome.right for outcome in ranked)
    wrongs = len(ranked) - rights
    if rights == 0 or wrongs == 0:
        return None
    rank_sum, start = 0.0, 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end].probability == ranked[start].probability:
            end += 1
        rank_sum += (start + end + 1) / 2 * sum(outcome.right for outcome in ranked[start:end])
        start = end
    return (rank_sum - rights * (rights + 1) / 2) / (rights * wrongs)


def accuracy_of_surest(outcomes: Sequence[Outcome], share: float) -> float:
    """Accuracy over the `share` of answers with the highest probability."""
    surest = sorted(outcomes, key=lambda outcome: -outcome.probability)[: max(1, round(share * len(outcomes)))]
    return sum(outcome.right for outcome in surest) / len(surest)


def threshold_for(outcomes: Sequence[Outcome], accuracy: float) -> Threshold | None:
    """The lowest threshold whose accepted answers are at least `accuracy` right; None when there is none."""
    ranked = sorted(outcomes, key=lambda outcome: -outcome.probability)
    best, right = None, 0
    for count, outcome in enumerate(ranked, start=1):
        right += outcome.right
        last_of_its_value = count == len(ranked) or ranked[count].probability < outcome.probability
        if last_of_its_value and right / count >= accuracy:
            low, _ = wilson(right, count)
            best = Threshold(outcome.probability, count / len(ranked), count, right / count, low)
    return best


def calibration_error(outcomes: Sequence[Outcome], bins: int = 15) -> float:
    """Expected calibration error over equal-width bins of the probability (Guo et al., 2017)."""
    if not outcomes:
        return 0.0
    error = 0.0
    for index in range(bins):
        inside = [o for o in outcomes if min(bins - 1, int(o.probability * bins)) == index]
        error += abs(sum(o.right for o in inside) - sum(o.probability for o in inside))
    return error / len(outcomes)
