"""Exports that fail, meet another one or are damaged on the way: all or nothing, on each store."""

import pytest

import place as places
import program
from place import FORMATS, OWNED, PART_BYTES, SNAPSHOT_ID, whole


@pytest.mark.parametrize("format_", FORMATS)
def test_a_source_that_fails_near_its_end_leaves_nothing(place, proxy, damaged, format_):
    done = place.through(proxy).export(damaged, format_, "--set", "upload.concurrency=1")
    assert done.returncode == 1 and "damaged.parquet" in done.stderr, done.stderr
    assert proxy.sent > PART_BYTES, "it failed before a part was uploaded"
    assert place.names() == []
    assert place.uploads() == []


@pytest.mark.parametrize("store", ["moto", "azurite"], indirect=True)
@pytest.mark.parametrize("format_", FORMATS)
def test_of_two_that_claim_at_once_one_wins(place, proxy, noise, on_disk, format_):
    proxy.hold_at(0)
    both = [place.through(proxy).begin_export(noise, format_) for _ in range(2)]
    try:
        proxy.wait_held(connections=2)
    finally:
        proxy.let_go()
        ended = [places.end(process) for process in both]
    winner, loser = sorted(ended, key=lambda done: done.returncode)
    assert (winner.returncode, loser.returncode) == (0, 1), winner.stderr + loser.stderr
    assert OWNED in loser.stderr or "already complete" in loser.stderr, loser.stderr
    whole(place, on_disk(format_))


@pytest.mark.parametrize("store", ["moto", "azurite"], indirect=True)
@pytest.mark.parametrize("format_", FORMATS)
def test_one_that_comes_later_deletes_nothing(place, proxy, noise, on_disk, format_):
    expected = on_disk(format_)
    proxy.hold_at(sum(map(len, expected)) // 2)
    first = place.through(proxy).begin_export(noise, format_)
    try:
        proxy.wait_held()
        before = place.writes(), place.uploads()
        second = place.export(noise, format_)
        after = place.writes(), place.uploads()
    finally:
        proxy.let_go()
        done = places.end(first)
    assert second.returncode == 1 and OWNED in second.stderr, second.stderr
    assert after == before
    assert done.returncode == 0, done.stderr
    whole(place, expected)


def test_of_two_on_one_disk_one_wins(noise, on_disk, tmp_path):
    both = [places.begin(*places.export(noise, tmp_path, "csv")) for _ in range(2)]
    winner, loser = sorted(map(places.end, both), key=lambda done: done.returncode)
    assert (winner.returncode, loser.returncode) == (0, 1), winner.stderr + loser.stderr
    assert OWNED in loser.stderr or "already complete" in loser.stderr, loser.stderr
    assert program.run("verify", tmp_path / SNAPSHOT_ID).returncode == 0
    assert [path.read_bytes() for path in sorted(tmp_path.glob("*/part-*"))] == on_disk("csv")


@pytest.mark.parametrize("store", ["ministack"], indirect=True)
def test_a_byte_that_changes_on_the_way_is_found_by_the_server(place, proxy, noise, on_disk):
    """Its checksum tells the server, and the part is sent once more."""
    expected = on_disk("csv")
    proxy.flip_after(sum(map(len, expected)) // 2)
    done = place.through(proxy).export(noise, "csv")
    assert done.returncode == 0, done.stderr
    smallest = min(len(content) % PART_BYTES for content in expected)
    assert proxy.sent > sum(map(len, expected)) + smallest
    whole(place, expected)
