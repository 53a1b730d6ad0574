"""The linear model that the small model must be compared with: TF-IDF of words and characters, logistic regression.

It sees the same training texts and the same held-out split.
"""

from __future__ import annotations

import ctypes
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import data
from data import Corpus, Example

ISSUE_DRAWS = 8  # as often as 2,200 steps go through it


@dataclass(frozen=True)
class BaselinePrediction:
    example: Example
    label: str
    probability: float


def make_sklearn_importable() -> None:
    folder = Path(
        subprocess.run(
            [str(Path(__file__).with_name("fetch_sklearn"))], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()
    )
    sys.path.append(str(folder))
    # Of the unpacked packages, scipy's one library outside the modules is not on the loader's path.
    for library in folder.parents[1].glob("*/liblbfgsb.so.0"):
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)


def training_examples(task: str, corpus: Corpus) -> list[Example]:
    """What the small model trains on: every ticket and intent; of the issue sampler as many draws as it sees."""
    sampler, rng = data.Sampler(corpus), random.Random(f"baseline {task}")
    examples = sampler.epoch(task, rng)
    if task == data.ISSUE:
        for _ in range(ISSUE_DRAWS - 1):
            examples += sampler.epoch(task, rng)
    return examples


def predict(task: str, corpus: Corpus) -> list[BaselinePrediction]:
    """Fits on the task's training texts and predicts its held-out ones."""
    train = [(example.text, example.label) for example in training_examples(task, corpus)]
    test = [example for example in corpus.held_out if example.task == task]
    answers = fit_and_predict(train, [example.text for example in test])
    return [BaselinePrediction(example, *answer) for example, answer in zip(test, answers)]


def fit_and_predict(train: Sequence[tuple[str, str]], texts: Sequence[str]) -> list[tuple[str, float]]:
    """The label of every text and its probability, by the linear model fitted to `train` (text, label)."""
    make_sklearn_importable()
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=60000),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True, max_features=60000),
    )
    classifier = LogisticRegression(C=10.0, solver="liblinear", random_state=0)
    model = make_pipeline(features, classifier)
    model.fit([text for text, _ in train], [label for _, label in train])
    probabilities = model.predict_proba(texts)
    labels = list(classifier.classes_)
    return [(labels[index], float(row[index])) for index, row in zip(probabilities.argmax(axis=1), probabilities)]
