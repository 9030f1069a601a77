"""Apache ORC Java: one process that is asked in JSON lines. What it can be asked is in `java/OrcDump.java`."""

import json
import os
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "java"


class Failure(Exception):
    """What ORC Java could not do."""


class OrcJava:
    """A running `OrcDump`."""

    def __init__(self, scratch):
        jars = os.environ.get("ORC_JARS")
        if not jars:
            raise RuntimeError("ORC_JARS must name the folder of the jars; `.ci/run` sets it")
        classes = scratch / "classes"
        sources = map(str, SOURCES.glob("*.java"))
        subprocess.run(["javac", "-cp", f"{jars}/*", "-d", classes, *sources], check=True, capture_output=True)
        self.errors = open(scratch / "java.log", "w")
        # Its default zone would otherwise be a way for a wrong zone in a file to look right.
        options = ["-Xmx2g", "-Duser.timezone=America/Los_Angeles"]
        command = ["java", *options, "-cp", f"{classes}:{jars}/*", "OrcDump"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self.errors, text=True, encoding="utf-8"
        )

    def ask(self, command, file, **fields):
        """The answer to one command."""
        self.process.stdin.write(json.dumps({"do": command, "file": str(file)} | fields) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"ORC Java died; see {self.errors.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()
