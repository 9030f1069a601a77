"""Users who may do all but one of the actions that docs/guarantees.md lists: what is lost is what it says.

That all of them are enough every other test on this server shows; the list of open uploads it cannot check.
"""

import pytest

from place import CLAIM, OWNED, whole

pytestmark = pytest.mark.parametrize("store", ["moto"], indirect=True)


@pytest.fixture
def without(store):
    return store.server.users


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject"])
def test_without_these_nothing_is_exported(place, noise, without, action):
    done = place.export(noise, "csv", credentials=without[action])
    assert done.returncode == 1 and "403" in done.stderr, done.stderr
    assert [name for name in place.names() if name != CLAIM] == []
    assert place.uploads() == []


def test_without_lists_exports_work_and_verify_does_not(place, noise, on_disk, without):
    few = without["s3:ListBucket"]
    done = place.export(noise, "csv", credentials=few)
    assert done.returncode == 0, done.stderr
    whole(place, on_disk("csv"))
    refused = place.on_snapshot("verify", credentials=few)
    assert refused.returncode == 1 and "403" in refused.stderr, refused.stderr


def test_without_deletions_the_claim_of_a_failed_export_stays(place, damaged, noise, on_disk, without):
    few = without["s3:DeleteObject"]
    assert place.export(damaged, "csv", credentials=few).returncode == 1
    assert (place.names(), place.uploads()) == ([CLAIM], [])
    refused = place.export(noise, "csv", credentials=few)
    assert refused.returncode == 1 and OWNED in refused.stderr, refused.stderr
    with place.store.trust():
        done = place.export(noise, "csv", "--takeover", credentials=few)
    assert done.returncode == 0, done.stderr
    whole(place, on_disk("csv"), rewritten=[CLAIM])


def test_without_aborts_the_uploads_of_a_failed_export_stay(place, damaged, without):
    done = place.export(damaged, "csv", credentials=without["s3:AbortMultipartUpload"])
    assert done.returncode == 1 and "damaged.parquet" in done.stderr, done.stderr
    assert place.names() == [CLAIM]
    # What the budget cannot hold has been uploaded before the source fails: six of its fifteen objects or more.
    assert 6 <= len(place.uploads()) <= 15
