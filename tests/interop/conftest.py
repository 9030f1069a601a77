"""Fixtures: the sample data, and exports of it that several tests share."""

from pathlib import Path

import pytest

import orc_java as java
import program


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
