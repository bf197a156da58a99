"""Upload through huggingface_hub to a server of its own that breaks: what arrives is what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import LocalHub
from huggingface_hub import snapshot_download
from made import TOKEN, Made, answers

from tasks.common.errors import InputError, StageError
from tasks.inference.config import InferenceConfig
from tasks.publishing.config import PublishConfig
from tasks.publishing.publication import Publication, sha256_of
from tasks.publishing.upload import publish


def upload(
    publication: Publication, config: PublishConfig, store: Path, token: str = TOKEN, champion: bool = False
) -> list[str]:
    told: list[str] = []
    publish(publication, config, token, store, told.append, champion=champion)
    return told


def test_a_stranger_downloads_what_was_measured_and_it_answers_as_the_original(
    hub: LocalHub, made: Made, publication: Publication, config: PublishConfig, tmp_path: Path
) -> None:
    assert upload(publication, config, tmp_path) == []
    folders = {
        kind: snapshot_download(
            name, revision="v2", token=TOKEN, endpoint=hub.url, cache_dir=tmp_path / "cache"
        )
        for kind, name in (("merged", "me/text2sql"), ("adapter", "me/text2sql-adapter"))
    }  # fmt: skip
    for kind, files in publication.repositories.items():
        assert {f.path: sha256_of(Path(folders[kind], f.path)) for f in files} == {f.path: f.sha256 for f in files}
    settings = {"max_new_tokens": InferenceConfig().max_new_tokens, "do_sample": False, "eos_token_id": 2}
    original = answers(made.challenger.path, **settings)
    assert len(set(original)) > 1
    assert answers(folders["merged"]) == original  # its own generation config: the same length and end
    base = made.refs.base_model.path
    assert answers(base, folders["adapter"], **settings) == answers(base, made.refs.adapter.path, **settings)
    assert answers(base, **settings) != original


def test_a_broken_hub_gets_it_all_in_the_end_and_nothing_twice(
    hub: LocalHub, publication: Publication, config: PublishConfig, tmp_path: Path
) -> None:
    hub.fail(
        ("POST", "/api/repos/create", "500", 1),
        ("POST", "/api/validate-yaml", "429", 1),
        ("POST", "/preupload/", "503", 1),
        ("PUT", "/lfs-put/", "break", 1),
        ("POST", "/commit/main", "break", 1),
        ("POST", "/tag/", "502", 1),
    )
    told = upload(publication, config, tmp_path, champion=True)
    assert any("answer 500" in line for line in told) and any("answer 429" in line for line in told)
    assert all("signature" not in line and TOKEN not in line for line in told)
    broken = [one for one in hub.requests("/lfs-put/") if one["fault"] == "break"]
    assert len(broken) == 1 and broken[0]["received"] > 0
    for kind, name in (("merged", "me/text2sql"), ("adapter", "me/text2sql-adapter")):
        tree = hub.tree(name, "v2")
        assert hub.head(name)["private"] is True
        assert tree.keys() - {".gitattributes"} == {file.path for file in publication.repositories[kind]}
        assert hub.commits(name) == 2  # the empty repository, and one commit with all files
        assert hub.tree(name, "champion") == tree
        assert set(hub.head(name)["tags"]) == {"v2", "champion"}
    sent = [one["path"] for one in hub.requests("/lfs-put/", "PUT") if one.get("status") == 200]
    assert len(sent) == len(set(sent))
    before = hub.head("me/text2sql")
    hub.forget()
    assert upload(publication, config, tmp_path) == []
    assert hub.head("me/text2sql") == before
    assert {one["method"] for one in hub.requests()} == {"GET"}


def test_what_arrives_changed_is_noticed(
    hub: LocalHub, publication: Publication, config: PublishConfig, tmp_path: Path
) -> None:
    hub.fail(("POST", "/commit/main", "garble", 1))
    with pytest.raises(StageError, match=r"holds other bytes than were sent: .*README\.md"):
        upload(publication, config, tmp_path)
    assert hub.head("me/text2sql-adapter")["tags"] == {}
    upload(publication, config, tmp_path)  # sends the damaged files again
    assert set(hub.head("me/text2sql")["tags"]) == {"v2"}


def test_refusals_are_told_at_once_and_without_the_token(
    hub: LocalHub, publication: Publication, config: PublishConfig, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"creating me/text2sql-adapter was refused \(answer 401\)"):
        upload(publication, config, tmp_path, token="hf_wrong")
    with pytest.raises(InputError, match="set HF_TOKEN"):
        publish(publication, config, None, tmp_path, lambda line: None)
    upload(publication, config.model_copy(update={"private": False}), tmp_path)
    with pytest.raises(InputError, match="me/text2sql-adapter is public") as error:
        upload(publication, config, tmp_path)
    assert TOKEN not in str(error.value)


def test_a_hub_that_stays_broken_is_given_up_and_the_next_run_goes_on(
    hub: LocalHub, publication: Publication, config: PublishConfig, tmp_path: Path
) -> None:
    hub.fail(("POST", "/api/models/me/text2sql/commit/main", "500", 6))
    with pytest.raises(StageError, match="upload to me/text2sql failed 6 times, at last: answer 500"):
        upload(publication, config, tmp_path)
    hub.forget()
    upload(publication, config, tmp_path)
    assert hub.requests("/lfs-put/") == []  # what was sent before is there
    assert set(hub.head("me/text2sql")["tags"]) == {"v2"}


def test_a_file_that_is_not_the_one_measured_is_not_sent(
    hub: LocalHub, publication: Publication, config: PublishConfig, tmp_path: Path
) -> None:
    first = publication.repositories["adapter"][0]
    (tmp_path / "changed").write_text("other bytes")
    changed = first.model_copy(update={"source": str(tmp_path / "changed")})
    repositories = {**publication.repositories, "adapter": (changed,)}
    with pytest.raises(StageError, match="not the file that was measured"):
        upload(publication.model_copy(update={"repositories": repositories}), config, tmp_path)
    assert hub.requests() == []
