"""Sentences with a label to train on: movie reviews if they are at hand, else made up."""

import hashlib
import io
import random
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["REVIEWS_SHA256", "Text", "encode", "generated", "load", "movie_reviews"]

#: Source archive of vaderSentiment 3.3.2, which carries 10,605 movie-review sentences (MIT).
REVIEWS_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_REVIEWS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


@dataclass(frozen=True)
class Text:
    """Sentences, whether each is positive, and where they come from."""

    sentences: tuple[str, ...]
    positive: tuple[bool, ...]
    source: str


def load(path: Path | None, *, seed: int) -> Text:
    """Return the movie reviews of an archive, or generated text if there is none.

    Parameters
    ----------
    path : Path or None
        The source archive of vaderSentiment 3.3.2.
    seed : int
        Seed of the generated text.

    Raises
    ------
    ValueError
        If the archive is another one.
    """
    return generated(seed=seed) if path is None else movie_reviews(path)


def movie_reviews(path: Path) -> Text:
    """Read the rated movie-review sentences from the source archive of vaderSentiment 3.3.2.

    Raises
    ------
    ValueError
        If the archive's sha256 is not `REVIEWS_SHA256`.

    References
    ----------
    C. J. Hutto and E. Gilbert, "VADER: A parsimonious rule-based model for sentiment analysis
    of social media text", ICWSM 2014.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != REVIEWS_SHA256:
        raise ValueError(
            f"{path.name} has sha256 {digest}, not {REVIEWS_SHA256}: take the source archive of "
            "vaderSentiment 3.3.2, or leave --text away for generated text."
        )
    with tarfile.open(fileobj=io.BytesIO(data)) as outer:
        inner = io.BytesIO(outer.extractfile(_INNER).read())
    with tarfile.open(fileobj=inner) as archive:
        lines = archive.extractfile(_REVIEWS).read().decode("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return Text(
        sentences=tuple(sentence for _, _, sentence in rows),
        positive=tuple(float(score) > 0 for _, score, _ in rows),
        source="10,605 movie-review sentences of vaderSentiment 3.3.2 (Hutto and Gilbert 2014)",
    )


def generated(*, seed: int, count: int = 10_605) -> Text:
    """Make sentences up: words drawn at random, of which some lean to one label.

    Parameters
    ----------
    seed : int
        Seed of the words.
    count : int
        How many sentences.
    """
    rng = random.Random(seed)
    neutral = [f"w{i}" for i in range(2000)]
    leaning = {True: [f"good{i}" for i in range(50)], False: [f"bad{i}" for i in range(50)]}
    sentences, positive = [], []
    for _ in range(count):
        label = rng.random() < 0.5
        words = rng.choices(neutral, k=rng.randint(8, 28)) + rng.choices(leaning[label], k=3)
        rng.shuffle(words)
        sentences.append(" ".join(words))
        positive.append(label)
    return Text(tuple(sentences), tuple(positive), f"generated at random (seed {seed})")


def encode(text: Text, *, length: int, vocabulary: int) -> NDArray[np.int64]:
    """Turn sentences into rows of token numbers: 0 pads, 1 begins, words are hashed.

    Parameters
    ----------
    text : Text
        The sentences.
    length : int
        Tokens in a row; longer sentences are cut.
    vocabulary : int
        How many token numbers there are.

    Returns
    -------
    ndarray of int, shape (sentences, length)
    """
    tokens = np.zeros((len(text.sentences), length), dtype=np.int64)
    tokens[:, 0] = 1
    for row, sentence in zip(tokens, text.sentences, strict=True):
        words = sentence.lower().split()[: length - 1]
        row[1 : len(words) + 1] = [2 + zlib.crc32(w.encode()) % (vocabulary - 2) for w in words]
    return tokens
