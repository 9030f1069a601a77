"""Servers of object stores on loopback behind one small interface, and places in them."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import aws
import program

BUCKET, MISSING = "exports", "not-there"
GUARANTEES = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"


def documented_actions():
    """What docs/guarantees.md says that an export to S3 needs."""
    return re.findall(r"^\| `(s3:\w+)`", GUARANTEES.read_text("utf-8"), re.MULTILINE)


def user(iam, name, actions):
    """A user who may do this in the bucket, and in one that is not there."""
    arns = [f"arn:aws:s3:::{bucket}{below}" for bucket in (BUCKET, MISSING) for below in ("", "/*")]
    statement = {"Effect": "Allow", "Action": actions, "Resource": arns}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


class S3:
    """A versioned bucket, so that what was written twice can be told."""

    scheme, lists_uploads = "s3", True

    def __init__(self, server, more=None):
        self.server, self.more = server, more or {}
        self.port = urllib.parse.urlsplit(server.endpoint).port
        self.client = server.client("s3")
        self.client.create_bucket(Bucket=BUCKET)
        self.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def environment(self, endpoint=None, credentials=None):
        """What the program must know to reach the store, through a proxy if there is one."""
        endpoint = {"AWS_ENDPOINT_URL_S3": endpoint or self.server.endpoint}
        return self.server.environment(credentials) | endpoint | self.more

    def wrong(self):
        """The credentials with another secret."""
        return self.server.credentials | {"secret_key": secrets.token_urlsafe(30)}

    def secrets(self):
        return [self.server.credentials["secret_key"]]

    def keys(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def writes(self, prefix):
        """Something that each write and each deletion changes."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=prefix)
        found = (version for page in pages for kind in ("Versions", "DeleteMarkers") for version in page.get(kind, []))
        return sorted((version["Key"], version["VersionId"]) for version in found)

    def forget(self, prefix):
        """Takes away what is there and what was: moto copies a bucket whole, to disk, whenever its versions are listed."""
        for key, version in self.writes(prefix):
            self.client.delete_object(Bucket=BUCKET, Key=key, VersionId=version)

    def read(self, key):
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def write(self, key, content):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def delete(self, key):
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def uploads(self, prefix):
        answer = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix)
        return [upload["Key"] for upload in answer.get("Uploads", [])]

    def trust(self):
        """While it lasts, nothing is checked that the server checks wrongly."""
        return contextlib.nullcontext()

    def close(self):
        self.client.close()
        self.server.close()


class Moto(S3):
    @contextlib.contextmanager
    def trust(self):
        """Signatures in URLs, by which open uploads are listed, make it fail."""
        self.server.post("/moto-api/reset-auth", b"inf")
        yield
        self.server.post("/moto-api/reset-auth", b"0")


def moto(directory):
    """Checks signatures and policies; the program may do what the documentation lists."""
    server = aws.moto(directory)
    iam = server.client("iam")
    server.users = {"writer": user(iam, "writer", documented_actions())}
    for action in documented_actions():
        others = [other for other in documented_actions() if other != action]
        server.users[action] = user(iam, action.replace(":", "-"), others)
    server.credentials = user(iam, "admin", ["s3:*"])
    server.post("/moto-api/reset-auth", b"0")
    store = Moto(server)
    server.credentials = server.users["writer"]
    return store


def ministack(directory):
    """Compares the checksum of each part with its bytes, and checks signatures in URLs."""
    server = aws.ministack(os.environ["MINISTACK"], directory)
    server.credentials = user(server.client("iam"), "writer", ["s3:*"])
    return S3(server, more={"AWS_CHECKSUM_ALGORITHM": "crc64nvme"})


class Azure:
    """Azurite, and what is wanted of it over plain HTTP with a signed query."""

    scheme, lists_uploads = "az", False
    account = "exporter"

    def __init__(self, directory):
        self.port = aws.free_port()
        self.secret = base64.b64encode(secrets.token_bytes(64)).decode()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        command = [os.environ["AZURITE"], *options, "--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        accounts = {"AZURITE_ACCOUNTS": f"{self.account}:{self.secret}"}
        self.server = aws.start(command, self.endpoint, directory / "azurite.log", accounts)
        self.request("PUT", "", restype="container")

    def environment(self, endpoint=None, credentials=None):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
        return kept | {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ACCOUNT_KEY": (credentials or {"secret_key": self.secret})["secret_key"],
            "AZURE_STORAGE_ENDPOINT": f"{endpoint or self.endpoint}/{self.account}",
        }

    def wrong(self):
        return {"secret_key": base64.b64encode(secrets.token_bytes(64)).decode()}

    def secrets(self):
        return [self.secret]

    def signature(self):
        """The query that lets its bearer do everything for a long time."""
        fields = {"sp": "rwdlac", "ss": "b", "srt": "sco", "st": "", "se": "2099-01-01T00:00:00Z"}
        fields |= {"sip": "", "spr": "", "sv": "2019-12-12"}
        text = "\n".join([self.account, *fields.values(), ""])
        digest = hmac.digest(base64.b64decode(self.secret), text.encode(), hashlib.sha256)
        return {name: value for name, value in fields.items() if value} | {"sig": base64.b64encode(digest).decode()}

    def request(self, method, key, content=None, **query):
        query = urllib.parse.urlencode(self.signature() | query)
        url = f"{self.endpoint}/{self.account}/{BUCKET}/{key}".rstrip("/")
        request = urllib.request.Request(f"{url}?{query}", content, {"x-ms-blob-type": "BlockBlob"}, method=method)
        with urllib.request.urlopen(request, timeout=program.TIMEOUT_SECONDS) as answer:
            return answer.read()

    def blobs(self, prefix):
        answer = self.request("GET", "", restype="container", comp="list", prefix=prefix)
        return ElementTree.fromstring(answer).iter("Blob")

    def keys(self, prefix):
        return [blob.findtext("Name") for blob in self.blobs(prefix)]

    def writes(self, prefix):
        return sorted((blob.findtext("Name"), blob.findtext("Properties/Etag")) for blob in self.blobs(prefix))

    def forget(self, prefix):
        for key in self.keys(prefix):
            self.delete(key)

    def read(self, key):
        return self.request("GET", key)

    def write(self, key, content):
        self.request("PUT", key, content)

    def delete(self, key):
        self.request("DELETE", key)

    def uploads(self, prefix):
        """Blocks without a list are no upload, and go by themselves."""
        return []

    def trust(self):
        return contextlib.nullcontext()

    def close(self):
        self.server.close()


STORES = {"moto": moto, "ministack": ministack, "azurite": Azure}
