"""A bucket on a real S3 server: whole versions, nothing sent twice, killed and refused uploads."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tasks.common.errors import InputError, StageError
from tasks.publishing.folder import deliver
from tasks.publishing.publication import SUMS, PublishedFile

TARGET = "s3://models/nightly"
KILLED = """
import json, os, signal, sys
from tasks.publishing.folder import deliver
from tasks.publishing.publication import PublishedFile

def after(done, total, what):
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

files = [PublishedFile.model_validate(one) for one in json.loads(sys.argv[1])]
deliver("s3://models/nightly", "text2sql", files, "v2", tell=print, progress=after)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # the address is read once
    monkeypatch.setattr("tasks.publishing.retry.BACKOFF_S", 0.01)
    bucket = boto3.resource("s3").create_bucket(Bucket="models")
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


def send(files: list[PublishedFile], target: str = TARGET, tell: Callable[[str], None] = print) -> str:
    return deliver(target, "text2sql", files, "v2", tell=tell, progress=lambda done, total, what: None)


def test_a_version_in_a_bucket_is_what_was_sent(bucket: Any, publication: Any) -> None:
    files = publication.repositories["merged"]
    assert send(files) == f"{TARGET}/text2sql/v2"
    found = {one.key: one for one in bucket.objects.all()}
    assert set(found) == {f"nightly/text2sql/v2/{file.path}" for file in files}
    for file in files:
        body = found[f"nightly/text2sql/v2/{file.path}"].get()["Body"].read()
        assert hashlib.sha256(body).hexdigest() == file.sha256
    first = {key: one.last_modified for key, one in found.items()}

    bucket.Object(f"nightly/text2sql/v2/{files[0].path}").put(Body=b"damaged")
    bucket.Object("nightly/text2sql/v2/left.bin").put(Body=b"from another version")
    send(files)
    again = {one.key: one.last_modified for one in bucket.objects.all()}
    changed = {key for key in first if again[key] != first[key]}
    assert set(again) == set(first)
    assert changed <= {f"nightly/text2sql/v2/{name}" for name in (files[0].path, SUMS)}


def test_a_killed_upload_is_unfinished_until_the_next_has_ended(bucket: Any, publication: Any) -> None:
    files = publication.repositories["merged"]
    told = "[" + ",".join(file.model_dump_json() for file in files) + "]"
    half = sum(file.size for file in files) // 2
    killed = subprocess.run([sys.executable, "-c", KILLED, told, str(half)], env=os.environ, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    there = {one.key: one.last_modified for one in bucket.objects.all()}
    assert there and f"nightly/text2sql/v2/{SUMS}" not in there
    send(files)
    whole = {one.key: one.last_modified for one in bucket.objects.all()}
    assert len(whole) == len(files) and there.items() <= whole.items(), "what had arrived was sent again"


def test_a_bucket_that_is_not_there_is_told_and_not_made(bucket: Any, publication: Any) -> None:
    with pytest.raises((InputError, StageError), match="publish: writing text2sql/v2 to s3://modles/nightly"):
        send(publication.repositories["merged"], target="s3://modles/nightly")
    assert [one.name for one in boto3.resource("s3").buckets.all()] == ["models"]


def test_a_store_that_is_gone_is_tried_again_and_told(
    bucket: Any, publication: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    told: list[str] = []
    with pytest.raises(StageError, match="failed 6 times") as caught:
        send(publication.repositories["merged"], tell=told.append)
    assert len(told) == 5 and "\n" not in str(caught.value) and "a-secret" not in str(caught.value)
