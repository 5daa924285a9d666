"""How near a completion is to a text of the data, from 0 to 1."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..fields import known, one_of, text
from .judge import embeddings
from .stemmer import stem

_ROUGE = [f"rouge_{n}" for n in range(1, 6)]
METRICS = ["fuzzy_match", "bleu", "gleu", "meteor", "cosine", *_ROUGE, "rouge_l"]
# Longer texts are compared by their beginnings: the edit distance costs the product of the lengths. Characters.
_LONGEST_FUZZY = 4000


@dataclass
class TextSimilarity:
    name: str = known(text)
    reference_field: str = known(text)
    evaluation_metric: str = known(one_of(*METRICS))
    embedding_model: Optional[str] = known(text, "models/embedding-001")

    def needs(self) -> list[list[str]]:
        return [[self.reference_field]]

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        references = [str(reference) for reference in columns[self.reference_field]]
        if self.evaluation_metric == "cosine":
            return _cosines(completions, references, str(self.embedding_model))
        measure = measure_of(self.evaluation_metric)
        return [measure(completion, reference) for completion, reference in zip(completions, references)]


def measure_of(metric: str) -> Callable[[str, str], float]:
    if metric in _ROUGE:
        n = int(metric[-1])
        return lambda completion, reference: rouge_n(completion, reference, n)
    return {"fuzzy_match": fuzzy_match, "bleu": bleu, "gleu": gleu, "meteor": meteor, "rouge_l": rouge_l}[metric]


def fuzzy_match(completion: str, reference: str) -> float:
    """1 less the edit distance, as a part of the longer text."""
    a, b = completion[:_LONGEST_FUZZY], reference[:_LONGEST_FUZZY]
    if not a and not b:
        return 1.0
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, row = row, [i]
        for j, right in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right)))
    return 1 - row[-1] / max(len(a), len(b))


def bleu(completion: str, reference: str) -> float:
    """BLEU-4 of one sentence, smoothed by one above the single words (Lin & Och 2004), with brevity penalty."""
    a, b = completion.split(), reference.split()
    if not a or not b:
        return 0.0
    logs = 0.0
    for n in range(1, 5):
        found, counted = _common(a, b, n), max(0, len(a) - n + 1)
        if n == 1 and found == 0:
            return 0.0
        logs += math.log(found / counted if n == 1 else (found + 1) / (counted + 1)) / 4
    return math.exp(logs + min(0.0, 1 - len(b) / len(a)))


def gleu(completion: str, reference: str) -> float:
    """The lesser of precision and recall over all runs of one to four words (Wu et al. 2016)."""
    a, b = completion.split(), reference.split()
    found = sum(_common(a, b, n) for n in range(1, 5))
    most = max(sum(max(0, len(words) - n + 1) for n in range(1, 5)) for words in (a, b))
    return found / most if most else 0.0


def meteor(completion: str, reference: str) -> float:
    """METEOR with exact and stemmed matches, without synonyms (Lavie & Agarwal 2007; alpha 0.9, beta 3, gamma 0.5)."""
    a, b = completion.lower().split(), reference.lower().split()
    pairs = _aligned(a, b)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(a), len(pairs) / len(b)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    chunks = 1 + sum(x[0] + 1 != y[0] or x[1] + 1 != y[1] for x, y in zip(pairs, pairs[1:]))
    return mean * (1 - 0.5 * (chunks / len(pairs)) ** 3)


def rouge_n(completion: str, reference: str, n: int) -> float:
    """F-measure of the runs of n stemmed words."""
    a, b = _stems(completion), _stems(reference)
    return _f_measure(_common(a, b, n), max(0, len(a) - n + 1), max(0, len(b) - n + 1))


def rouge_l(completion: str, reference: str) -> float:
    """F-measure of the longest common sequence of stemmed words."""
    a, b = _stems(completion), _stems(reference)
    row = [0] * (len(b) + 1)
    for left in a:
        before, row = row, [0]
        for j, right in enumerate(b, 1):
            row.append(before[j - 1] + 1 if left == right else max(before[j], row[-1]))
    return _f_measure(row[-1], len(a), len(b))


def _f_measure(found: int, of_completion: int, of_reference: int) -> float:
    if found == 0:
        return 0.0
    precision, recall = found / of_completion, found / of_reference
    return 2 * precision * recall / (precision + recall)


def _stems(value: str) -> list[str]:
    return [stem(word) if len(word) > 3 else word for word in re.findall(r"[a-z0-9]+", value.lower())]


def _common(a: list[str], b: list[str], n: int) -> int:
    return sum((_runs(a, n) & _runs(b, n)).values())


def _runs(words: list[str], n: int) -> "Counter[tuple[str, ...]]":
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _aligned(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Which word goes with which: the same first, then those of one stem, each word once."""
    pairs: list[tuple[int, int]] = []
    free = dict(enumerate(b))
    for same in (lambda x, y: x == y, lambda x, y: stem(x) == stem(y)):
        taken = {i for i, _ in pairs}
        for i, word in enumerate(a):
            j = None if i in taken else next((j for j, other in free.items() if same(word, other)), None)
            if j is not None:
                pairs.append((i, j))
                del free[j]
    return sorted(pairs)


def _cosines(completions: list[str], references: list[str], model: str) -> list[float]:
    left, right = embeddings(completions, model), embeddings(references, model)
    return [max(0.0, _cosine(a, b)) for a, b in zip(left, right)]


def _cosine(a: list[float], b: list[float]) -> float:
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / lengths if lengths else 0.0
