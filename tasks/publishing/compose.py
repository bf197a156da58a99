"""Put together what is published of a version: cards, plots and configs are written, weights are pointed to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.common.store import LOGS, MANIFEST, Counts, StageOutput, run_stage, write_atomically
from tasks.models.records import Version
from tasks.models.registry import check_files
from tasks.publishing.card import card
from tasks.publishing.config import PublishConfig
from tasks.publishing.origin import Origin, origin
from tasks.publishing.publication import FILE, Publication, PublishedFile, published, with_sums
from tasks.publishing.stop import generation_config
from tasks.reporting import plots, tables
from tasks.reporting.night import Night, NightRefs, read_night

# Written anew, or nobody's business outside: training's own notes hold paths of this machine.
NOT_COPIED = {MANIFEST, "README.md", "generation_config.json", "adapter_config.json", "training.json"}
OF_THE_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges.txt", "*.jinja")


def remember(store: Path, version: Version, refs: NightRefs) -> None:
    """Keep how `version` was measured, so that it can be published on any later day."""
    write_atomically(_record(store, version.version), refs.model_dump_json(indent=2))


def recall(store: Path, version: str) -> NightRefs:
    """The night that measured `version`.

    Raises:
        InputError: no night did.
    """
    file = _record(store, version)
    if not file.is_file():
        raise InputError(f"publish: no night has measured version '{version}', so there is nothing to say of it")
    return NightRefs.model_validate_json(file.read_text("utf-8"))


def compose(version: Version, refs: NightRefs, config: PublishConfig, store: Path) -> StageOutput:
    """The stage `publication`: what is published of `version`.

    Args:
        version: a merged model of the registry, whose files are those that were registered.
        refs: the night that trained and measured it.
        config: target and names, which the cards mention.
        store: root folder of the store.

    Raises:
        InputError: it is a base model, its files changed, or nobody says what its base model's licence is.
    """
    if version.kind != "merged" or refs.adapter is None or refs.challenger is None:
        raise InputError(f"publish: {version.name} is no model that a night has trained")
    check_files(version)

    def build(folder: Path) -> Counts:
        assert refs.adapter is not None
        found = origin(str(refs.base_model.counts["base"]), Path(refs.base_model.path), config)
        night = read_night(refs, 0)
        merged = _write_merged(folder / "merged", version, night, found, config)
        adapter = _write_adapter(folder / "adapter", Path(refs.adapter.path), version, night, found, config)
        publication = Publication(
            version=version.version,
            license=found.license,
            base_model=found.base_model,
            repositories={"merged": merged, "adapter": adapter},
        )
        (folder / FILE).write_text(publication.model_dump_json(indent=2), "utf-8")
        return {
            "version": version.version,
            "files": len(merged) + len(adapter),
            "megabytes": round(sum(file.size for file in (*merged, *adapter)) / 1e6, 1),
        }

    return run_stage(
        store,
        "publication",
        inputs={
            "version": version.model_dump(mode="json", include={"version", "path", "sha256"}),
            "config": config.model_dump(mode="json", exclude={"private", "secret_block"}),
            "night": refs.config,
            "of": {
                name: output.sha256
                for name, output in (
                    ("data", refs.data),
                    ("adapter", refs.adapter),
                    ("parity", refs.parity),
                    ("champion", refs.champion.scores),
                    ("challenger", refs.challenger.scores),
                )
                if output
            },
            "labels": [refs.champion.label, refs.challenger.label],
        },
        code=["tasks.publishing", "tasks.reporting.plots", "tasks.reporting.tables", "tasks.reporting.shown"],
        build=build,
    )


def read_publication(output: StageOutput) -> Publication:
    """What `compose` put together."""
    publication = Publication.model_validate_json(output.file(FILE).read_text("utf-8"))
    found = {
        kind: tuple(file.model_copy(update={"source": str(output.file(file.source))}) for file in files)
        for kind, files in publication.repositories.items()
    }
    return publication.model_copy(update={"repositories": found})


def _write_merged(
    folder: Path, version: Version, night: Night, found: Origin, config: PublishConfig
) -> tuple[PublishedFile, ...]:
    model = Path(version.path)
    drawn = _draw(folder, night)
    _write(folder / "README.md", card("merged", version, night, found, config, drawn))
    _write(folder / "generation_config.json", _json(generation_config(model, _longest(night))))
    files = [file for file in model.rglob("*") if file.is_file() and file.relative_to(model).parts[0] != LOGS]
    names = {file.relative_to(model).as_posix(): file for file in files if file.name not in NOT_COPIED}
    return _listed(names, folder)


def _write_adapter(
    folder: Path, adapter: Path, version: Version, night: Night, found: Origin, config: PublishConfig
) -> tuple[PublishedFile, ...]:
    model = Path(version.path)
    _write(folder / "README.md", card("adapter", version, night, found, config, []))
    _write(folder / "generation_config.json", _json(generation_config(model, _longest(night))))
    settings = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    settings |= {"base_model_name_or_path": found.base_model, "revision": None}
    _write(folder / "adapter_config.json", _json(settings))
    weights = [adapter / "adapter_model.safetensors", adapter / "prompt.json"]
    tokenizer = [file for pattern in OF_THE_TOKENIZER for file in sorted(model.glob(pattern))]
    return _listed({file.name: file for file in [*weights, *tokenizer]}, folder)


def _draw(folder: Path, night: Night) -> list[str]:
    """The report's plots as files; returns their names."""
    drawn = {"accuracy.png": plots.accuracy(tables.comparison(night.models, "complexity"))}
    if night.losses:
        drawn["loss.png"] = plots.loss(night.losses)
    if night.data["by"]:
        drawn["rows.png"] = plots.composition(tables.composition(night.data), plots.SPLIT)
    (folder / "plots").mkdir(parents=True)
    for name, picture in drawn.items():
        (folder / "plots" / name).write_bytes(picture)
    return [f"plots/{name}" for name in drawn]


def _listed(copied: dict[str, Path], folder: Path) -> tuple[PublishedFile, ...]:
    """The files of a repository: those `copied` from elsewhere, and those written to `folder`."""
    written = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    stage = folder.parent
    return with_sums([published(name, file, stage) for name, file in (copied | written).items()], folder, stage)


def _longest(night: Night) -> int:
    return int(night.refs.config["inference"]["max_new_tokens"])


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _record(store: Path, version: str) -> Path:
    return store / "publishing" / f"{version}.json"
