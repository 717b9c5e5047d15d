"""MovieLens-100k: 100,000 ratings of films -> one raw record per user -> a prepared data set.

The licence does not allow shipping the ratings. Download a package that contains them, and run:

    pip download --no-deps recbole==1.2.1
    python examples/movielens.py recbole-1.2.1-py3-none-any.whl

It writes `movielens/` (raw tf.SequenceExample records: `user`; per step `watches` and `rating`, in the order of time)
and prepares `prepared-movielens/` with configs/movielens.yaml. The file ml-100k.inter, or GroupLens' u.data,
can replace the wheel.
"""

import argparse
import os
import zipfile
from collections import defaultdict
from collections.abc import Iterable

from lengthwise.config import load_config
from lengthwise.job import run
from lengthwise.manifest import Manifest
from lengthwise.records import SequenceExample, frame
from lengthwise.storage.files import create

MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"
CONFIG = os.path.join(os.path.dirname(__file__), "..", "configs", "movielens.yaml")
FILES = 2
Rating = tuple[int, int, float]  # time, film, rating


def read_ratings(path: str) -> dict[int, list[Rating]]:
    """Returns the ratings of each user, sorted by time; ratings of one second keep the order of the file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            text = wheel.read(MEMBER).decode()
    else:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    ratings: dict[int, list[Rating]] = defaultdict(list)
    for line in text.splitlines():
        user, film, rating, time = line.split("\t")
        if user.isdigit():  # not the header
            ratings[int(user)].append((int(float(time)), int(film), float(rating)))
    return {user: sorted(rows, key=lambda row: row[0]) for user, rows in sorted(ratings.items())}


def encode_user(user: int, ratings: Iterable[Rating]) -> bytes:
    """Returns a user as a serialized tf.SequenceExample."""
    record = SequenceExample()
    record.context.feature["user"].int64_list.value.append(user)
    lists = record.feature_lists.feature_list
    for _, film, rating in ratings:
        lists["watches"].feature.add().int64_list.value.append(film)
        lists["rating"].feature.add().float_list.value.append(rating)
    encoded: bytes = record.SerializeToString(deterministic=True)
    return encoded


def write_raw(ratings: dict[int, list[Rating]], folder: str) -> None:
    """Writes the users to TFRecord files."""
    users = [encode_user(user, rows) for user, rows in ratings.items()]
    for number in range(FILES):
        with create(os.path.join(folder, f"users-{number:05d}-of-{FILES:05d}.tfrecord")) as stream:
            stream.write(frame(users[number::FILES]))


def prepare(source: str, folder: str) -> Manifest:
    """Writes raw records to `folder`/movielens, and the prepared data set to `folder`/prepared-movielens."""
    write_raw(read_ratings(source), os.path.join(folder, "movielens"))
    paths = {
        "inputs.files": [os.path.join(folder, "movielens", "*.tfrecord")],
        "output.path": os.path.join(folder, "prepared-movielens"),
    }
    return run(load_config(CONFIG, paths), overwrite=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="the wheel of recbole 1.2.1, ml-100k.inter or u.data")
    parser.add_argument("--folder", default=".", help="the folder of movielens/ and prepared-movielens/")
    options = parser.parse_args()
    manifest = prepare(options.source, options.folder)
    print(f"{manifest.counts.sequences} users in {len(manifest.shards)} shards; boundaries {list(manifest.boundaries)}")
    print(f"next: lengthwise inspect {os.path.join(options.folder, 'prepared-movielens')}")
