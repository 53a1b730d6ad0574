"""The teacher of the small classifiers: kernel ridge regression over TF-IDF of words and characters, cross-fitted.

Its kernel is k + k*k of the mean cosine k of word 1-2-grams and character 2-5-grams: pairs of features, which a linear model
does not see. Every training text gets probabilities from a fit that did not contain it, so they say how sure one can be, not
what was learned by heart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from baseline import make_sklearn_importable

RIDGE = 0.3  # best of 0.1, 0.3, 1 on a random 1,500 of CLINC150's training texts with 4,000 others to learn from
BLOCK_MAX = 15500  # texts in one fit: its kernel matrix takes 1 GB and its inverse a CPU minute

Array = numpy.ndarray


class _Fit:
    """One fit over some texts; `out` are their leave-one-out scores."""

    def __init__(self, texts: Sequence[str], targets: Array, leave_one_out: bool) -> None:
        make_sklearn_importable()
        import scipy.linalg
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", dtype=numpy.float32)
        pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, dtype=numpy.float32)
        self._features = (words, pieces)
        self._known = [features.fit_transform(texts) for features in self._features]
        kernel = self._kernel(self._known)
        kernel[numpy.diag_indices_from(kernel)] += RIDGE
        factor, _ = scipy.linalg.cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
        self._weights = scipy.linalg.cho_solve((factor, True), targets, check_finite=False)
        if leave_one_out:
            inverse, failed = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
            if failed:
                raise RuntimeError("the teacher's kernel matrix has no inverse")
            # Closed form: what the fit without text i says of text i (Rifkin and Lippert, 2007).
            self.out = targets - self._weights / inverse.diagonal()[:, None]

    def _kernel(self, features: Sequence[object]) -> Array:
        product = sum((a @ b.T).toarray() for a, b in zip(features, self._known)) / 2  # type: ignore[attr-defined]
        product += product * product
        return numpy.asarray(product, dtype=numpy.float32)

    def scores(self, texts: Sequence[str]) -> Array:
        out = []
        for start in range(0, len(texts), 4000):
            part = texts[start : start + 4000]
            out.append(self._kernel([features.transform(part) for features in self._features]) @ self._weights)
        return numpy.concatenate(out)


def softmax(scores: Array, sharpness: float) -> Array:
    scaled = numpy.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return scaled / scaled.sum(axis=1, keepdims=True)


class Teacher:
    """Fits over all texts at once where they are few, else over disjoint blocks of them."""

    def __init__(self, texts: Sequence[str], labels: Array, classes: int) -> None:
        targets = numpy.eye(classes, dtype=numpy.float32)[labels]
        blocks = -(-len(texts) // BLOCK_MAX)
        if blocks == 1:
            self._fits = [_Fit(texts, targets, leave_one_out=True)]
            scores = self._fits[0].out
        else:
            members = [numpy.arange(len(texts)) % blocks == block for block in range(blocks)]
            self._fits = [_Fit([t for t, m in zip(texts, own) if m], targets[own], False) for own in members]
            scores = numpy.zeros_like(targets)
            for own, fit in zip(members, self._fits):
                scores[~own] += fit.scores([t for t, m in zip(texts, own) if not m]) / (blocks - 1)
        rows = numpy.arange(len(texts))
        losses = {s: -numpy.log(softmax(scores, s)[rows, labels] + 1e-9).mean() for s in (3, 4, 6, 8, 10, 12, 15, 20)}
        self.sharpness = min(losses, key=lambda sharpness: losses[sharpness])
        self.cross_fitted = softmax(scores, self.sharpness)
        self.accuracy = float((scores.argmax(axis=1) == labels).mean())

    def probabilities(self, texts: Sequence[str]) -> Array:
        """Of texts that it was not fitted to."""
        scores = sum(fit.scores(texts) for fit in self._fits) / len(self._fits)
        return softmax(scores, self.sharpness)
