"""Sealed exports, opened by an AWS Encryption SDK that was made by others."""

import json
import os
import secrets

import aws_encryption_sdk
import pytest
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput

import program

SIZE = 64


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "key"
    path.write_text(secrets.token_hex(32) + "\n")
    return path


def keyring(key_file, manifest):
    namespace, name = manifest["encryption"]["key"].split("/")
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    return providers.create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace=namespace,
            key_name=name,
            wrapping_key=bytes.fromhex(key_file.read_text()),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )


def opened(path, key_file, manifest):
    """What the SDK makes of an object, and the context that it was bound to."""
    client = aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=aws_encryption_sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )
    plain, header = client.decrypt(source=path.read_bytes(), keyring=keyring(key_file, manifest))
    return plain, header.encryption_context


@pytest.mark.parametrize("format_", ["csv", "jsonl", "orc"])
def test_the_sdk_opens_each_part_to_the_bytes_of_a_plain_export(exported, key_file, format_):
    source = "profiles_flat.parquet" if format_ == "orc" else "profiles.parquet"
    columns = ["--columns", "ProfileId"] if format_ == "orc" else []
    options = ["--part-rows", "700", "--domain", "shop", "--segment", "gold", *columns]
    plain = exported(source, format_, *options)
    sealed = exported(source, format_, *options, "--encryption-key", f"local:{key_file}")
    assert len(sealed.files) == len(plain.files) == 3
    for path, clear, part in zip(sealed.files, plain.files, sealed.manifest["parts"]):
        assert path.name.endswith(f".{format_}.encrypted")
        found, context = opened(path, key_file, sealed.manifest)
        assert found == clear.read_bytes()
        assert dict(context) == part["sealed"]["context"]
        assert context["object"] == path.name


def test_the_sdk_opens_the_sealed_manifest(exported, key_file):
    sealed = exported("profiles.parquet", "csv", "--encryption-key", f"local:{key_file}")
    found, _ = opened(sealed.directory / "_manifest.sealed", key_file, sealed.manifest)
    assert found == (sealed.directory / "_manifest.json").read_bytes()


@pytest.mark.parametrize("signed", ["false", "true"])
@pytest.mark.parametrize("frame", [1, SIZE // 2, SIZE - 1, SIZE, SIZE + 1, 65536])
def test_the_sdk_opens_every_length_around_the_borders_of_frames(tmp_path, key_file, frame, signed):
    """One row of SIZE bytes in frames of about as many."""
    line = json.dumps({"a": "x" * (SIZE - len('{"a":""}\n'))}, separators=(",", ":")) + "\n"
    assert len(line) == SIZE
    source = tmp_path / "rows.jsonl"
    source.write_text(line)
    settings = ["--set", f"seal.frame_bytes={frame}", "--set", f"seal.signed={signed}"]
    keys = ["--encryption-key", f"local:{key_file}"]
    snapshot = program.export(source, tmp_path / "out", "jsonl", *settings, *keys)
    [path] = snapshot.files
    assert opened(path, key_file, snapshot.manifest)[0] == line.encode()
    assert snapshot.manifest["encryption"]["suite"] == ("0x0578" if signed == "true" else "0x0478")


def test_the_sdk_opens_an_object_of_no_bytes(tmp_path, key_file):
    source = tmp_path / "rows.csv"
    source.write_text("a\n")
    snapshot = program.export(source, tmp_path / "out", "jsonl", "--encryption-key", f"local:{key_file}")
    [path] = snapshot.files
    assert opened(path, key_file, snapshot.manifest)[0] == b""


def test_each_of_two_keys_alone_opens_for_the_sdk(tmp_path, testdata, key_file):
    """The manifest names the first; a raw AES keyring finds its own by namespace and name."""
    other = tmp_path / "other"
    other.write_bytes(secrets.token_bytes(32))
    source, keys = testdata / "profiles.parquet", ["--encryption-key", f"local:{other}"]
    only_other = program.export(source, tmp_path / "first", "csv", *keys)
    both = program.export(source, tmp_path / "second", "csv", *keys, "--encryption-key", f"local:{key_file}")
    mine = program.export(source, tmp_path / "third", "csv", "--encryption-key", f"local:{key_file}")
    [path] = both.files
    assert opened(path, key_file, mine.manifest)[0] == opened(mine.files[0], key_file, mine.manifest)[0]
    with pytest.raises(Exception):
        opened(only_other.files[0], key_file, mine.manifest)


def test_decrypt_opens_what_the_sdk_seals(tmp_path, exported, key_file):
    """Messages of the SDK: in frames of its own length, signed and unsigned."""
    manifest = exported("profiles.parquet", "csv", "--encryption-key", f"local:{key_file}").manifest
    client = aws_encryption_sdk.EncryptionSDKClient()
    for size in [0, 1, 4096, 100_000]:
        plain = os.urandom(size)
        sealed, _ = client.encrypt(
            source=plain, keyring=keyring(key_file, manifest), encryption_context={"made": "elsewhere"}
        )
        (tmp_path / f"{size}.encrypted").write_bytes(sealed)
        output = tmp_path / f"{size}"
        arguments = ["decrypt", tmp_path / f"{size}.encrypted", "--encryption-key", f"local:{key_file}"]
        done = program.run(*arguments, "--output", output)
        assert done.returncode == 0, done.stderr
        assert output.read_bytes() == plain


def test_the_sdk_refuses_a_spoiled_part(exported, key_file, tmp_path):
    sealed = exported("profiles.parquet", "csv", "--encryption-key", f"local:{key_file}")
    bytes_ = bytearray(sealed.files[0].read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    spoiled = tmp_path / "spoiled"
    spoiled.write_bytes(bytes_)
    with pytest.raises(Exception):
        opened(spoiled, key_file, sealed.manifest)
