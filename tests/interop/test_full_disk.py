"""Exports to a file system that fills up, whenever it does: the whole snapshot, or an error and nothing."""

import subprocess

import pytest

import place as places
import program

PAGE = 4096
# A file system of its own for the one command; what lies there in the end is listed, and verified where it is whole.
SCRIPT = """
mount -t tmpfs -o size="$SIZE" tmpfs "$DIRECTORY" || exit 99
"$@"
code=$?
(cd "$DIRECTORY" && find . -mindepth 1) >"$LISTING"
if [ $code = 0 ]; then "$1" verify "$DIRECTORY/$SNAPSHOT_ID" || exit 98; fi
exit $code
"""


def export_within(size, noise, format_, directory):
    """Exports to a file system of so many bytes: how the program ended, and what lies there then."""
    disk, listing = directory / "disk", directory / "listing"
    disk.mkdir()
    given = {"SIZE": size, "DIRECTORY": disk, "LISTING": listing, "SNAPSHOT_ID": places.SNAPSHOT_ID}
    shell = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]
    exporting = [program.path_of_program(), *map(str, places.export(noise, disk, format_))]
    done = subprocess.run(
        [*shell, *exporting], capture_output=True, text=True, timeout=program.TIMEOUT_SECONDS,
        env={name: str(value) for name, value in given.items()} | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    return done, listing.read_text().splitlines()


def check_refused(done, left):
    assert done.returncode == 1, done
    assert "No space left on device" in program.one_line(done)
    assert left == [], "an export that failed left something behind"


@pytest.mark.parametrize("format_", places.FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_disk_that_fills_up_in_the_data_is_an_error(noise, on_disk, tmp_path, format_, share):
    size = int(sum(map(len, on_disk(format_))) * share)
    check_refused(*export_within(size, noise, format_, tmp_path))


def test_a_disk_that_fills_up_at_the_end_holds_all_or_nothing(noise, on_disk, tmp_path):
    """Data, claim, manifest: one page more each time, until all is there."""
    pages = sum(-(-len(content) // PAGE) for content in on_disk("csv"))
    for more in range(-1, 20):
        directory = tmp_path / str(more)
        directory.mkdir()
        done, left = export_within((pages + more) * PAGE, noise, "csv", directory)
        if done.returncode == 0:
            break
        check_refused(done, left)
    assert done.returncode == 0 and more > 0, done
    assert any(line.endswith("/_manifest.json") for line in left)
