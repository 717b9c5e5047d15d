"""Large plain files in pieces, so that several workers read one file; and the proof that the pieces fit together.

A piece is the records whose frames start in a range of bytes. Where the first of them starts is searched for, so it may
be wrong. But the first piece of a file starts at byte 0, and each piece ends where the next record starts: only a
piece that starts there is believed. If one does not, the file is read from there to its end by one worker. So every
record is read once, whatever the search finds, and numbers of records, rejects and damage are those of the whole file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from lengthwise.errors import EnvironmentFailure
from lengthwise.job.task_values import Input, Job, Piece, PieceRead
from lengthwise.records.container.compression import detect_compression
from lengthwise.records.container.frame_headers import HEADER
from lengthwise.storage import files

PIECE_BYTES = 64 * 2**20
_MOST_PIECES = 2**14  # each is a reference or more that meets the others in one place


def whole_files(job: Job) -> tuple[Piece, ...]:
    """Each file as one piece."""
    return tuple(Piece(source, 0, source.size, 0) for source in job.inputs)


def largest_first(pieces: Sequence[Piece]) -> list[Piece]:
    """In this order workers read them, so that none begins the largest when all others are done."""
    return sorted(pieces, key=lambda piece: (piece.start - piece.stop, piece.name))


def cut_files(job: Job) -> tuple[Piece, ...]:
    """The pieces of all input files, in order, however many workers there are. Compressed files stay whole."""
    size = PIECE_BYTES
    while size * _MOST_PIECES < sum(source.size for source in job.inputs):
        size *= 2
    large = [source.path for source in job.inputs if source.size > size]
    if job.config.inputs.compression == "auto":
        large = [path for path, is_plain in zip(large, files.map_files(_is_plain, large), strict=True) if is_plain]
    elif job.config.inputs.compression != "none":
        large = []
    sizes = dict.fromkeys(large, size)
    return tuple(piece for source in job.inputs for piece in _cut(source, sizes.get(source.path, source.size)))


def join_pieces(pieces: Iterable[Piece], found: Mapping[str, PieceRead]) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The pieces that count, each with the number of its first record, in order; and those that are to be read yet.

    Args:
        pieces: of all files, in order.
        found: what was read of each, by name.
    """
    kept: list[Piece] = []
    unread: list[Piece] = []
    for _, members in groupby(pieces, key=lambda piece: piece.source.rank):
        good, rest = _join_file(list(members), found)
        kept += [*good, *rest]
        unread += rest
    return tuple(kept), tuple(unread)


def _join_file(pieces: list[Piece], found: Mapping[str, PieceRead]) -> tuple[list[Piece], list[Piece]]:
    """The pieces of one file up to where they fit together or the file breaks off, and one for what does not fit."""
    source = pieces[0].source
    if len({found[piece.name].state for piece in pieces}) > 1:  # another file took its place in between
        return [], [Piece(source, 0, source.size, 0)]
    good: list[Piece] = []
    at = records = 0
    for piece in pieces:
        one = found[piece.name]
        if piece.stop <= at < source.size:
            continue  # inside a record of the piece before
        if one.begin != at:
            return good, [Piece(source, at, source.size, records, is_exact=True)]
        good.append(replace(piece, first=records))
        at, records = one.end, records + one.records
        if one.is_cut_off:
            break
    return good, []


def _cut(source: Input, size: int) -> list[Piece]:
    starts = range(0, max(source.size, 1), max(size, 1))
    return [Piece(source, at, min(at + size, source.size), None if at else 0, is_exact=at == 0) for at in starts]


def _is_plain(path: str) -> bool:
    """Whether a file is a TFRecord file that is not compressed. One that cannot be opened is left to its reader."""
    try:
        with files.open_binary(path) as stream:
            return detect_compression(stream.read(HEADER.size)) == "none"
    except (EnvironmentFailure, OSError):
        return False
