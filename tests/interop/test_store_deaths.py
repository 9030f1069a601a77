"""Processes that die or sleep in the middle of an upload, and others that finish their work, on each store.

SEGMENT_EXPORT_STORE_KILLS says how many processes each test kills, of each format and on each store; default 5 on
moto, so that two tests make it ten, and 1 on the others.
"""

import os
import random
import signal

import pytest

import place as places
import stores
from place import CLAIM, FORMATS, OWNED, whole

pytestmark = pytest.mark.usefixtures("trust")
KILLS = os.environ.get("SEGMENT_EXPORT_STORE_KILLS")


@pytest.fixture
def trust(store):
    with store.trust():
        yield


def held(place, proxy, source, format_, at):
    """An export that has sent so many bytes, and cannot send more."""
    proxy.hold_at(at)
    process = place.through(proxy).begin_export(source, format_)
    try:
        proxy.wait_held()
    except AssertionError:
        process.kill()
        raise AssertionError(places.end(process).stderr) from None
    return process


def kill_at(place, proxy, source, format_, at):
    """Kills an export when it has sent so many bytes, and waits until the server knows."""
    process = held(place, proxy, source, format_, at)
    process.kill()
    killed = places.end(process)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    proxy.let_go()
    proxy.wait_idle()
    assert place.names() == [CLAIM]
    assert place.uploads() or not place.store.lists_uploads


def moments(store, expected):
    """Seeded numbers of bytes, one in each stretch of what comes after the first upload part has begun."""
    kills = int(KILLS or (5 if isinstance(store, stores.Moto) else 1))
    total, seeded = sum(map(len, expected)), random.Random(len(expected[0]))
    return [int(total * (0.05 + 0.95 * (kill + seeded.random()) / kills)) for kill in range(kills)]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_killed_export_shows_nothing_and_is_taken_over(store, proxy, noise, on_disk, fresh_place, format_):
    for at in moments(store, on_disk(format_)):
        place = fresh_place()
        kill_at(place, proxy, noise, format_, at)
        refused = place.export(noise, format_)
        assert refused.returncode == 1 and OWNED in refused.stderr, refused.stderr
        done = place.export(noise, format_, "--takeover")
        assert done.returncode == 0, done.stderr
        whole(place, on_disk(format_), rewritten=[CLAIM])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_killed_export_is_aborted_and_done_again(store, proxy, noise, on_disk, fresh_place, format_):
    for at in moments(store, on_disk(format_)):
        place = fresh_place()
        kill_at(place, proxy, noise, format_, at)
        aborted = place.on_snapshot("abort")
        assert aborted.returncode == 0, aborted.stderr
        assert place.names() == []
        assert place.uploads() == []
        done = place.export(noise, format_)
        assert done.returncode == 0, done.stderr
        whole(place, on_disk(format_), rewritten=[CLAIM])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_sleeper_that_was_taken_over_changes_nothing(place, proxy, noise, on_disk, format_):
    expected = on_disk(format_)
    sleeper = held(place, proxy, noise, format_, sum(map(len, expected)) // 2)
    try:
        sleeper.send_signal(signal.SIGSTOP)
        proxy.let_go()
        done = place.export(noise, format_, "--takeover")
        assert done.returncode == 0, done.stderr
        before = place.writes(), place.content()
    finally:
        sleeper.send_signal(signal.SIGCONT)
        woken = places.end(sleeper)
    assert woken.returncode == 1 and woken.stderr.startswith("error: "), woken.stderr
    assert (place.writes(), place.content()) == before
    whole(place, expected, rewritten=[CLAIM])
