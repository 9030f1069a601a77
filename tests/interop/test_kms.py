"""Exports under keys of KMS, as a role, opened by Encryption SDKs that were made by others."""

import json
import os
import subprocess
from pathlib import Path

import aws_encryption_sdk
import pytest
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsKeyringInput

import aws
import program

ACCOUNT = "123456789012"
BUCKET = "exports"
EXTERNAL_ID = "the-operator"
FRAME = 64
# All that docs/envelope.md says that a role needs.
S3_ACTIONS = [
    "s3:PutObject",
    "s3:GetObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
]
KMS_ACTIONS = ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]


def policy(actions, **more):
    statement = {"Effect": "Allow", "Action": actions, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def user(iam, name, actions):
    """A user who may do this, and the credentials."""
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy(actions, Resource="*"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def role(iam, name, actions):
    """A role that the operator may assume with the external id."""
    operator = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/operator"}
    condition = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    trust = policy("sts:AssumeRole", Principal=operator, Condition=condition)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(actions, Resource="*"))
    return arn


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Keys, roles and users, of which the operator may do nothing but assume roles; then policies are checked."""
    server = aws.moto(tmp_path_factory.mktemp("moto"))
    iam, kms = server.client("iam"), server.client("kms")
    server.client("s3").create_bucket(Bucket=BUCKET)
    server.key, server.other_key = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName="alias/exports", TargetKeyId=server.key)
    server.role = role(iam, "writer", S3_ACTIONS + KMS_ACTIONS)
    server.role_without_key = role(iam, "no-key", S3_ACTIONS)
    server.role_without_bucket = role(iam, "no-bucket", KMS_ACTIONS)
    server.reader = user(iam, "reader", ["s3:GetObject", "s3:List*", "kms:Decrypt"])
    server.credentials = user(iam, "operator", ["sts:AssumeRole"])
    server.post("/moto-api/reset-auth", b"0")
    yield server
    server.close()


class Stored:
    """A snapshot that lies in the bucket, as a reader gets it."""

    def __init__(self, server, prefix, manifest):
        self.server, self.manifest = server, manifest
        self.s3 = server.client("s3", server.reader)
        self.prefix = f"{prefix}/{manifest['snapshot_id']}"

    def object(self, name):
        return self.s3.get_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}")["Body"].read()

    def parts(self):
        return [self.object(part["name"]) for part in self.manifest["parts"]]


@pytest.fixture(scope="module")
def stored(server, testdata):
    done = {}

    def export(prefix, source, format_, *options):
        if prefix not in done:
            options = ["--role-arn", server.role, "--external-id", EXTERNAL_ID, *options]
            ended = aws.export(server, source, f"s3://{BUCKET}/{prefix}", format_, *options)
            assert ended.returncode == 0, ended.stderr
            done[prefix] = Stored(server, prefix, json.loads(ended.stdout))
        return done[prefix]

    return export


def sdk(server, sealed, key):
    """What the SDK of Python makes of an object."""
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    client = server.client("kms", server.reader)
    keyring = providers.create_aws_kms_keyring(input=CreateAwsKmsKeyringInput(kms_key_id=key, kms_client=client))
    plain, header = aws_encryption_sdk.EncryptionSDKClient().decrypt(source=sealed, keyring=keyring)
    return plain, dict(header.encryption_context)


@pytest.fixture(scope="module")
def sample(server, testdata, stored):
    options = ["--part-rows", "700", "--domain", "shop", "--segment", "gold", "--encryption-key", server.key]
    return stored("sample", testdata / "profiles.parquet", "csv", *options)


@pytest.fixture(scope="module")
def plain(testdata, tmp_path_factory):
    """The data objects that an export without a key writes."""
    snapshot = program.export(
        testdata / "profiles.parquet", tmp_path_factory.mktemp("plain"), "csv", "--part-rows", "700"
    )
    return [path.read_bytes() for path in snapshot.files]


def test_the_sdk_of_python_opens_each_part(server, sample, plain):
    assert len(plain) == 3
    assert sample.manifest["encryption"]["key"] == server.key
    for part, sealed, clear in zip(sample.manifest["parts"], sample.parts(), plain, strict=True):
        found, context = sdk(server, sealed, server.key)
        assert found == clear
        assert context == part["sealed"]["context"]
        assert (context["object"], context["segment"]) == (part["name"], "gold")


def test_the_sdk_of_python_opens_the_sealed_manifest(server, sample):
    found, _ = sdk(server, sample.object("_manifest.sealed"), server.key)
    assert found == sample.object("_manifest.json")


def test_the_command_line_of_the_sdk_opens_each_part(server, sample, plain, tmp_path):
    executable = os.environ["AWS_ENCRYPTION_CLI"]
    for number, (sealed, clear) in enumerate(zip(sample.parts(), plain, strict=True)):
        source, output = tmp_path / f"{number}.encrypted", tmp_path / f"{number}"
        source.write_bytes(sealed)
        command = [executable, "--decrypt", "--suppress-metadata", "--wrapping-keys", f"key={server.key}"]
        command += ["--commitment-policy", "require-encrypt-require-decrypt", "--input", source, "--output", output]
        subprocess.run(command, check=True, env=server.environment(server.reader), timeout=300)
        assert output.read_bytes() == clear


def test_the_sdk_of_node_opens_each_part(server, sample, plain, tmp_path):
    script = Path(__file__).with_name("node") / "decrypt.js"
    for number, (sealed, clear) in enumerate(zip(sample.parts(), plain, strict=True)):
        source, output = tmp_path / f"{number}.encrypted", tmp_path / f"{number}"
        source.write_bytes(sealed)
        environment = server.environment(server.reader) | {"NODE_PATH": os.environ["NODE_MODULES"]}
        command = ["node", script, server.key, source, output]
        subprocess.run(command, check=True, env=environment, timeout=300)
        assert output.read_bytes() == clear


def test_verify_and_decrypt_open_it_too(server, sample, plain, tmp_path):
    environment = server.environment(server.reader)
    place = f"s3://{BUCKET}/{sample.prefix}"
    done = program.run("verify", place, "--encryption-key", server.key, "--json", env=environment)
    assert done.returncode == 0, done.stderr
    name, output = sample.manifest["parts"][0]["name"], tmp_path / "clear"
    for key in [server.key, "alias/exports", server.key.rsplit("/", 1)[1]]:
        output.unlink(missing_ok=True)
        done = program.run(
            "decrypt", f"{place}/{name}", "--encryption-key", key, "--output", output, env=environment
        )
        assert done.returncode == 0, done.stderr
        assert output.read_bytes() == plain[0]
    done = program.run("verify", place, "--encryption-key", server.other_key, env=environment)
    assert done.returncode == 1 and "sealed for other keys" in done.stderr


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 100 * FRAME + 7])
def test_every_length_around_the_borders_of_frames_opens(server, stored, tmp_path, size):
    """Objects of SIZE bytes; the shortest record has eight, so that one byte is a frame of one byte and more."""
    source, settings = tmp_path / "rows.jsonl", ["--set", f"seal.frame_bytes={FRAME}"]
    if size == 0:
        source = tmp_path / "rows.csv"
        source.write_text("a\n")
    elif size == 1:
        settings = ["--set", "seal.frame_bytes=1"]
        source.write_text('{"a":""}\n')
    else:
        source.write_text(json.dumps({"a": "x" * (size - len('{"a":""}\n'))}, separators=(",", ":")) + "\n")
    snapshot = stored(f"size-{size}", source, "jsonl", *settings, "--encryption-key", "alias/exports")
    [sealed] = snapshot.parts()
    assert snapshot.manifest["encryption"]["key"] == server.key, "the ARN, whatever names the key"
    assert sdk(server, sealed, server.key)[0] == (source.read_bytes() if size else b"")


def test_each_of_two_keys_opens(server, stored, testdata):
    keys = ["--encryption-key", server.key, "--encryption-key", server.other_key]
    snapshot = stored("two", testdata / "profiles.parquet", "csv", *keys)
    [sealed] = snapshot.parts()
    assert sdk(server, sealed, server.key)[0] == sdk(server, sealed, server.other_key)[0]


def test_a_signed_message_opens(server, stored, testdata):
    options = ["--set", "seal.signed=true", "--encryption-key", server.key]
    snapshot = stored("signed", testdata / "profiles.parquet", "csv", *options)
    assert snapshot.manifest["encryption"]["suite"] == "0x0578"
    [sealed] = snapshot.parts()
    assert sdk(server, sealed, server.key)[0]


def test_the_store_encrypts_each_object_under_the_key(server, stored, testdata):
    options = ["--encryption", "sse-kms", "--encryption-key", server.key]
    snapshot = stored("store", testdata / "profiles.parquet", "csv", *options)
    names = [part["name"] for part in snapshot.manifest["parts"]] + ["_manifest.json"]
    for name in names:
        head = snapshot.s3.head_object(Bucket=BUCKET, Key=f"{snapshot.prefix}/{name}")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", server.key), name
    assert snapshot.object(names[0]).startswith(b"ProfileId"), "in clear for who may read it"


def refused(server, testdata, exception, *options, credentials=None):
    """An export that fails with this exception, and leaves nothing in the bucket."""
    destination = f"s3://{BUCKET}/refused"
    done = aws.export(server, testdata / "profiles.parquet", destination, "csv", *options, credentials=credentials)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert exception in done.stderr, done.stderr
    for secret in [EXTERNAL_ID, server.credentials["access_key"], server.credentials["secret_key"]]:
        assert secret not in done.stderr
    s3 = server.client("s3", server.reader)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="refused/")["KeyCount"] == 0
    return done.stderr


def test_a_role_without_the_key_or_the_bucket_is_denied(server, testdata):
    key, external = ["--encryption-key", server.key], ["--external-id", EXTERNAL_ID]
    line = refused(server, testdata, "HTTP 403", "--role-arn", server.role_without_key, *external, *key)
    assert line.startswith("error: asking KMS for a data key failed"), line
    line = refused(server, testdata, "", "--role-arn", server.role_without_bucket, *external, *key)
    assert "_claim.json" in line, line


def test_a_role_is_not_given_to_who_says_another_external_id(server, testdata):
    """The server checks the id that is said; that none is said it takes."""
    options = ["--role-arn", server.role, "--external-id", "somebody-else"]
    line = refused(server, testdata, "HTTP 403", *options)
    assert line.startswith("error: assuming the role failed"), line


def test_without_the_role_nothing_is_allowed(server, testdata):
    refused(server, testdata, "HTTP 403", "--encryption-key", server.key)


def test_a_key_that_is_not_there_is_not_found(server, testdata):
    missing = f"arn:aws:kms:{aws.REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    options = ["--role-arn", server.role, "--external-id", EXTERNAL_ID, "--encryption-key", missing]
    refused(server, testdata, "NotFoundException", *options)


def test_a_key_that_is_disabled_cannot_be_used(testdata, tmp_path):
    """This server knows the states of keys."""
    server = aws.ministack(os.environ["MINISTACK"], tmp_path)
    try:
        kms = server.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        done = aws.export(server, testdata / "profiles.parquet", tmp_path / "good", "csv", "--encryption-key", key)
        assert done.returncode == 0, done.stderr
        kms.disable_key(KeyId=key)
        out = tmp_path / "out"
        done = aws.export(server, testdata / "profiles.parquet", out, "csv", "--encryption-key", key)
        assert done.returncode == 1 and "DisabledException (HTTP 400" in done.stderr, done.stderr
        assert not out.exists() or not list(out.iterdir())
    finally:
        server.close()
