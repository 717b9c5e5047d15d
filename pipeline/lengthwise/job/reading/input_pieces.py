"""Divides large uncompressed files into pieces, so that several workers read one file, and checks that pieces fit.

A piece consists of the records whose frames start in a byte range. The start of its first record is searched for, and
may be wrong. But the first piece of a file starts at byte 0, and each piece ends where the next record starts: a piece
is accepted only if it starts there. If it does not, one worker reads the file from there to its end. So every record is
read once, for any result of the search, and the numbers of records, rejects and damage are those of the whole file.
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
_MOST_PIECES = 2**14  # the references of all pieces are gathered in one worker


def whole_files(job: Job) -> tuple[Piece, ...]:
    """Each file as one piece."""
    return tuple(Piece(source, 0, source.size, 0) for source in job.inputs)


def largest_first(pieces: Sequence[Piece]) -> list[Piece]:
    """The order in which workers read pieces: no worker starts the largest when all others are done."""
    return sorted(pieces, key=lambda piece: (piece.start - piece.stop, piece.name))


def cut_files(job: Job) -> tuple[Piece, ...]:
    """The pieces of all input files, in order, for any number of workers. Compressed files stay whole."""
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


def join_pieces(
    pieces: Iterable[Piece], results: Mapping[str, PieceRead]
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Checks which pieces fit together.

    Args:
        pieces: of all files, in order.
        results: what was read of each piece, by name.

    Returns:
        The pieces of the input in order, each with the number of its first record; and those not read yet.
    """
    kept: list[Piece] = []
    unread: list[Piece] = []
    for _, members in groupby(pieces, key=lambda piece: piece.source.rank):
        fitting, rest = _join_file(list(members), results)
        kept += [*fitting, *rest]
        unread += rest
    return tuple(kept), tuple(unread)


def _join_file(pieces: list[Piece], results: Mapping[str, PieceRead]) -> tuple[list[Piece], list[Piece]]:
    """The pieces of one file that fit together, up to damage of the file, and one piece for the rest of it."""
    source = pieces[0].source
    if len({results[piece.name].state for piece in pieces}) > 1:  # the file was replaced while it was read
        return [], [Piece(source, 0, source.size, 0)]
    fitting: list[Piece] = []
    at = records = 0
    for piece in pieces:
        result = results[piece.name]
        if piece.stop <= at < source.size:
            continue  # inside the last record of the previous piece
        if result.begin != at:
            return fitting, [Piece(source, at, source.size, records)]
        fitting.append(replace(piece, first=records))
        at, records = result.end, records + result.records
        if result.is_cut_off:
            break
    return fitting, []


def _cut(source: Input, size: int) -> list[Piece]:
    starts = range(0, max(source.size, 1), max(size, 1))
    return [Piece(source, at, min(at + size, source.size), None if at else 0, is_exact=at == 0) for at in starts]


def _is_plain(path: str) -> bool:
    """Whether a file is an uncompressed TFRecord file. If it cannot be opened, its reader will report that."""
    try:
        with files.open_binary(path) as stream:
            return detect_compression(stream.read(HEADER.size)) == "none"
    except (EnvironmentFailure, OSError):
        return False
