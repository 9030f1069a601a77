"""Exports to servers of object stores: the bytes of a local export, checked, and never written twice."""

import json

import pytest

import program
from place import FORMATS, Place, SNAPSHOT_ID
from stores import MISSING

FAILED = 1


@pytest.fixture(params=FORMATS)
def format_(request):
    return request.param


@pytest.fixture(scope="session")
def complete(store, noise):
    """Snapshots that are complete, by format; who harms one mends it."""
    done = {}

    def snapshot(format_):
        if format_ not in done:
            place = Place(store, f"complete-{format_}")
            ended = place.export(noise, format_)
            assert ended.returncode == 0, ended.stderr
            done[format_] = place
        return done[format_]

    return snapshot


@pytest.fixture
def stored(complete, format_):
    return complete(format_)


def problems(done):
    """What `verify --json` says of each object."""
    return [[found["problem"] for found in entry["problems"]] for entry in json.loads(done.stdout)["objects"]]


def refused(done, *texts):
    """The one line of a failure."""
    assert done.returncode == FAILED, done.stderr
    line = program.one_line(done)
    assert any(text in line for text in texts), line
    return line


def test_the_bytes_are_those_of_an_export_to_disk(stored, format_, on_disk):
    assert stored.objects() == on_disk(format_)
    assert [name for name in stored.names() if not name.startswith("part-")] == ["_claim.json", "_manifest.json"]
    assert stored.uploads() == []
    assert stored.rewritten() == []


def test_verify_accepts_it(stored):
    done = stored.on_snapshot("verify", "--json")
    assert done.returncode == 0, done.stderr
    assert problems(done) == [[], [], []]


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


HARMS = {"missing": lambda _: None, "size": lambda content: content[:-1], "checksum": flip}


@pytest.mark.parametrize("problem", HARMS)
def test_verify_says_what_is_wrong_with_an_object(stored, problem):
    name = [name for name in stored.names() if name.startswith("part-")][1]
    key = stored.key(name)
    whole = stored.store.read(key)
    harmed = HARMS[problem](whole)
    try:
        if harmed is None:
            stored.store.delete(key)
        else:
            stored.store.write(key, harmed)
        done = stored.on_snapshot("verify", "--json")
    finally:
        stored.store.write(key, whole)
    found = problems(done)
    assert found[0] == found[2] == [] and found[1][0] == problem, found
    assert name in refused(done, "not intact")


def test_a_snapshot_that_is_complete_is_not_written_again(stored, noise, format_):
    before = stored.writes()
    for options in [[], ["--takeover"]]:
        refused(stored.export(noise, format_, *options), "already complete")
    refused(stored.on_snapshot("abort"), "already complete")
    assert stored.writes() == before
    assert stored.uploads() == []


def test_a_bucket_that_is_not_there_is_named_as_missing(place, noise):
    done = place.run("export", "--source", noise, "--destination", place.url(bucket=MISSING), "--format", "csv")
    refused(done, "NoSuchBucket", "ContainerNotFound")
    done = place.run("verify", place.url(SNAPSHOT_ID, bucket=MISSING))
    refused(done, "NoSuchBucket", "ContainerNotFound")


@pytest.mark.parametrize("store", ["moto", "azurite"], indirect=True)
def test_a_wrong_secret_is_denied_and_not_shown(place, noise):
    wrong = place.store.wrong()
    for done in [
        place.export(noise, "csv", credentials=wrong),
        place.on_snapshot("verify", credentials=wrong),
        place.on_snapshot("abort", credentials=wrong),
    ]:
        line = refused(done, "403")
        assert all(secret not in done.stdout + line for secret in [wrong["secret_key"], *place.store.secrets()])
    assert place.writes() == []
