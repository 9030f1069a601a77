"""Exports to a disk that fails: an error in one line, and nothing that is visible.

A library in front of the C library stands for the disk: calls of one name fail from the nth on.
"""

import subprocess

import pytest

import place as places
import program

SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *name) {
    static atomic_int calls;
    const char *wanted = getenv("DISK_FAILS");
    return wanted && !strcmp(wanted, name) && atomic_fetch_add(&calls, 1) >= atoi(getenv("DISK_FAILS_AFTER"));
}

#define BROKEN(name, type, parameters, arguments)                                \\
    type name parameters {                                                       \\
        type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);    \\
        if (fails(#name)) {                                                      \\
            errno = EIO;                                                         \\
            return -1;                                                           \\
        }                                                                        \\
        return real arguments;                                                   \\
    }

BROKEN(pwrite64, ssize_t, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
BROKEN(fdatasync, int, (int file), (file))
BROKEN(fsync, int, (int file), (file))
"""


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shim")
    (directory / "shim.c").write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "shim.so", "shim.c", "-ldl"], cwd=directory, check=True)
    return directory / "shim.so"


@pytest.mark.parametrize("format_", places.FORMATS)
@pytest.mark.parametrize(
    ("call", "after"), [("pwrite64", 0), ("pwrite64", 4), ("fdatasync", 0), ("fdatasync", 2), ("fsync", 0)]
)
def test_a_disk_that_fails_is_an_error_and_nothing_is_visible(noise, on_disk, tmp_path, shim, format_, call, after):
    given = {"LD_PRELOAD": str(shim), "DISK_FAILS": call, "DISK_FAILS_AFTER": str(after)}
    done = program.run(*places.export(noise, tmp_path / "out", format_), env=given)
    assert done.returncode == 1, done
    assert "Input/output error" in program.one_line(done)
    left = list((tmp_path / "out").rglob("*"))
    assert not [path for path in left if path.name.startswith(("part-", "_manifest"))], left

    done = program.run(*places.export(noise, tmp_path / "out", format_, "--takeover"))
    assert done.returncode == 0, done
    parts = sorted((tmp_path / "out" / places.SNAPSHOT_ID).glob("part-*"))
    assert [path.read_bytes() for path in parts] == on_disk(format_)
