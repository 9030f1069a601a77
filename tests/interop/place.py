"""A prefix of a store, and the program that exports there."""

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, replace

import program
from stores import BUCKET

SNAPSHOT_ID = "00112233445566778899aabbccddeeff"
CLAIM = "_claim.json"
OWNED = "another export owns this snapshot id"
FORMATS = ["csv", "jsonl", "orc"]
PART_BYTES = 5 << 20
BUDGET_BYTES = 64 << 20


@dataclass(frozen=True)
class Place:
    """A prefix that nobody else uses, and one snapshot below it."""

    store: object
    prefix: str
    endpoint: str | None = None

    def through(self, proxy):
        """The same place, behind a proxy."""
        return replace(self, endpoint=proxy.url)

    def url(self, *below, bucket=BUCKET):
        return "/".join([f"{self.store.scheme}://{bucket}", self.prefix, *below])

    def begin_export(self, source, format_, *options, credentials=None):
        return self.begin(*export(source, self.url(), format_, *options), credentials=credentials)

    def export(self, source, format_, *options, credentials=None):
        return end(self.begin_export(source, format_, *options, credentials=credentials))

    def begin(self, *arguments, credentials=None):
        return begin(*arguments, env=self.store.environment(self.endpoint, credentials))

    def run(self, *arguments, credentials=None):
        return end(self.begin(*arguments, credentials=credentials))

    def on_snapshot(self, command, *options, credentials=None):
        return self.run(command, self.url(SNAPSHOT_ID), *options, credentials=credentials)

    def names(self):
        below = f"{self.prefix}/{SNAPSHOT_ID}/"
        return sorted(key.removeprefix(below) for key in self.store.keys(f"{self.prefix}/"))

    def key(self, name):
        return f"{self.prefix}/{SNAPSHOT_ID}/{name}"

    def content(self):
        return {name: self.store.read(self.key(name)) for name in self.names()}

    def objects(self):
        """The bytes of the data objects in the order of the manifest."""
        manifest = json.loads(self.store.read(self.key("_manifest.json")))
        return [self.store.read(self.key(part["name"])) for part in manifest["parts"]]

    def uploads(self):
        return self.store.uploads(f"{self.prefix}/")

    def writes(self):
        return self.store.writes(f"{self.prefix}/")

    def rewritten(self):
        """The names that were written or deleted after they had been written, where the store can tell."""
        counts = Counter(key for key, _ in self.writes())
        return [key.rsplit("/", 1)[1] for key, count in counts.items() if count > 1]


def begin(*arguments, env=None):
    """Starts the program."""
    command = [program.path_of_program(), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def end(process):
    """What a process said when it ended; it is killed when it does not end."""
    try:
        out, err = process.communicate(timeout=program.TIMEOUT_SECONDS)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def export(source, url, format_, *options):
    """The arguments of an export in three objects of two upload parts each."""
    settings = [f"upload.part_bytes={PART_BYTES}", "stripe_bytes=4194304", f"memory_budget={BUDGET_BYTES}"]
    sizes = ["--part-rows", "3000", "--threads", "2", *(item for pair in settings for item in ("--set", pair))]
    wanted = ["export", "--source", source, "--destination", url, "--format", format_, *sizes]
    return [*wanted, "--snapshot-id", SNAPSHOT_ID, "--progress", "never", *options]


def whole(place, expected, rewritten=()):
    """The snapshot is complete, of these bytes, and nothing else is there."""
    assert place.on_snapshot("verify").returncode == 0
    assert place.objects() == expected
    assert len(place.names()) == len(expected) + 2
    assert set(place.rewritten()) <= set(rewritten)
    assert place.uploads() == []
