"""Fixtures: the sample data, exports of it that several tests share, and servers of object stores."""

import base64
import itertools
from pathlib import Path

import numpy
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import orc_java as java
import place as places
import program
import proxy as proxies
import stores

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def testdata():
    return Path(__file__).resolve().parents[2] / "testdata"


@pytest.fixture(scope="session")
def exported(testdata, tmp_path_factory):
    """Exports a sample once per session and set of options."""
    done = {}

    def export(source, format_, *options):
        key = (source, format_, options)
        if key not in done:
            destination = tmp_path_factory.mktemp("export")
            done[key] = program.export(testdata / source, destination, format_, *options)
        return done[key]

    return export


@pytest.fixture(scope="session")
def orc_java(tmp_path_factory):
    """Apache ORC Java, started once."""
    running = java.OrcJava(tmp_path_factory.mktemp("java"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def noise(tmp_path_factory):
    """Rows that no codec makes much smaller, in 30 row groups: three objects of two upload parts in each format."""
    rows, chars = 9000, 2500
    text = base64.b64encode(numpy.random.default_rng(7).bytes(rows * chars * 3 // 4)).decode()
    notes = [text[row * chars : (row + 1) * chars] for row in range(rows)]
    table = pa.table({"ProfileId": [f"{row:032x}" for row in range(rows)], "AdditionalInformation": notes})
    path = tmp_path_factory.mktemp("noise") / "noise.parquet"
    write_noise(table, path)
    return path


def write_noise(table, path):
    pq.write_table(table, path, row_group_size=300, use_dictionary=False, compression="none")


@pytest.fixture(scope="session")
def damaged(noise, tmp_path_factory):
    """The same rows five times, of which the last row group, one in 150, cannot be read.

    They take more than one and a half memory budgets: at their end a third of them or more has been uploaded.
    """
    path = tmp_path_factory.mktemp("damaged") / "damaged.parquet"
    write_noise(pa.concat_tables([pq.read_table(noise)] * 5), path)
    metadata = pq.read_metadata(path)
    assert sum(metadata.row_group(group).total_byte_size for group in range(150)) > 1.5 * places.BUDGET_BYTES
    content = bytearray(path.read_bytes())
    for column in range(metadata.num_columns):
        start = metadata.row_group(149).column(column).data_page_offset
        content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    return path


@pytest.fixture(scope="session")
def on_disk(noise, tmp_path_factory):
    """The data objects that an export to a directory writes, by format."""
    done = {}

    def objects(format_):
        if format_ not in done:
            directory = tmp_path_factory.mktemp(format_)
            ended = program.run(*places.export(noise, directory, format_))
            assert ended.returncode == 0, ended.stderr
            done[format_] = [path.read_bytes() for path in sorted(directory.glob("*/part-*"))]
            assert [len(content) > places.PART_BYTES for content in done[format_]] == [True] * 3
        return done[format_]

    return objects


@pytest.fixture(scope="session", params=stores.STORES)
def store(request, tmp_path_factory):
    """Each of the servers, with an empty bucket or container."""
    running = stores.STORES[request.param](tmp_path_factory.mktemp(request.param))
    yield running
    running.close()


@pytest.fixture
def fresh_place(store):
    """Makes empty places in the store, which keeps nothing of them."""
    made = []

    def make():
        made.append(places.Place(store, f"p{next(NUMBERS)}"))
        return made[-1]

    yield make
    for place in made:
        store.forget(f"{place.prefix}/")


@pytest.fixture
def place(fresh_place):
    return fresh_place()


@pytest.fixture
def proxy(store):
    """A proxy in front of the store."""
    running = proxies.Proxy(store.port)
    yield running
    running.close()
