"""Servers of AWS's APIs on loopback: one that checks signatures and policies, one that knows the states of keys."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import boto3

import program

REGION = "us-east-1"
START_SECONDS = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass
class Server:
    """A running server, and whose credentials reach it."""

    process: subprocess.Popen
    endpoint: str
    log: object
    credentials: dict = field(default_factory=lambda: {"access_key": "testing", "secret_key": "testing"})

    def environment(self, credentials=None):
        """What a program must know, and nothing of the machine's own."""
        credentials = credentials or self.credentials
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ACCESS_KEY_ID": credentials["access_key"],
            "AWS_SECRET_ACCESS_KEY": credentials["secret_key"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_KMS": self.endpoint,
            "AWS_ENDPOINT_URL_STS": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service, credentials=None):
        credentials = credentials or self.credentials
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=credentials["access_key"],
            aws_secret_access_key=credentials["secret_key"],
        )

    def post(self, path, body):
        request = urllib.request.Request(self.endpoint + path, data=body, headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=START_SECONDS).close()

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS)
        self.log.close()


def start(command, endpoint, log_path, variables=None):
    """Starts a server and waits until it answers."""
    log = open(log_path, "w")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment | (variables or {}))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(endpoint, timeout=1).close()
            break
        except urllib.error.HTTPError:
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"{command} did not start: {open(log_path).read()}")
            time.sleep(0.1)
    return Server(process, endpoint, log)


def moto(directory):
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return start(command, f"http://127.0.0.1:{port}", directory / "moto.log")


def ministack(executable, directory):
    """It keeps what it holds in memory."""
    port = free_port()
    variables = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "PERSIST_STATE": "0",
        "HOME": str(directory),
        "TMPDIR": str(directory),
    }
    return start([executable], f"http://127.0.0.1:{port}", directory / "ministack.log", variables)


def export(server, source, destination, format_, *options, credentials=None):
    """Runs an export to this server, whatever comes of it."""
    arguments = ["export", "--source", source, "--destination", destination, "--format", format_, "--json"]
    return program.run(*arguments, "--progress", "never", *options, env=server.environment(credentials))
