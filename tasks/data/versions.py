"""Versions of the prepared rows: what one was made of, and what differs from the one before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from tasks.common.store import MANIFEST, Counts, StageOutput, run_stage, write_atomically
from tasks.data.columns import NEEDED

HISTORY = "prepared.jsonl"  # in the store: one line for each time the prepared rows changed
EXAMPLES = 10  # of each change
COLUMNS = ("change", "split", "db_id", "question", "answer", "before", "example_id")
# A row that is gone and one that is new are the same row, changed, if they agree in these.
SAME = (["db_id", "language", "question"], ["db_id", "context", "answer", "language"])


def compare_with_previous(data: StageOutput, store: Path) -> StageOutput | None:
    """Compare prepared rows with those that this store's nights used before; None if there were none.

    Writes changes.parquet (a line a row with `change`: added, removed, moved, or changed and in which columns) and
    changes.json (the counts, when the rows before were made, examples). The same night again gives the same.
    """
    earlier = _previous(data, store)
    if earlier is None:
        return None
    made = json.loads((earlier / MANIFEST).read_text("utf-8"))

    def build(folder: Path) -> Counts:
        changes = find_changes(_rows(earlier), _rows(Path(data.path)))
        changes.to_parquet(folder / "changes.parquet", index=False)
        counted = changes["change"].str.split(":").str[0].value_counts()
        counts: Counts = {name: int(counted.get(name, 0)) for name in ("added", "removed", "changed", "moved")}
        shown = changes.groupby(changes["change"].str.split(":").str[0], sort=False).head(EXAMPLES)
        told = {**counts, "before": made["made"], "examples": shown.to_dict("records")}
        write_atomically(folder / "changes.json", json.dumps(told, indent=2, ensure_ascii=False))
        return counts

    inputs = {"before": made["sha256"], "after": data.sha256}
    return run_stage(store, "data_changes", inputs=inputs, code=["tasks.data.versions"], build=build)


def _previous(data: StageOutput, store: Path) -> Path | None:
    """Note that `data` is in use now; the folder of what was in use before it, if that is still there."""
    history = store.resolve() / HISTORY
    history.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{history}.lock"):
        lines = history.read_text("utf-8").splitlines() if history.is_file() else []
        keys = [str(json.loads(line)["key"]) for line in lines]
        if not keys or keys[-1] != data.key:
            keys.append(data.key)
            write_atomically(history, "".join(json.dumps({"key": key}) + "\n" for key in keys))
    earlier = [Path(data.path).with_name(key) for key in keys if key != data.key]
    return earlier[-1] if earlier and (earlier[-1] / MANIFEST).is_file() else None


def _rows(folder: Path) -> pd.DataFrame:
    parts = {split: pd.read_parquet(folder / f"{split}.parquet") for split in ("train", "eval")}
    return pd.concat([rows.assign(split=split) for split, rows in parts.items()], ignore_index=True)


def find_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """What became of each row.

    Args:
        before: rows with unique `example_id`, and `split`.
        after: the same of a later version.

    Returns:
        A line for every row that is not as it was, with the columns `COLUMNS`: `change` is 'added', 'removed',
        'moved: train -> eval' or 'changed: answer'; `before` is the text that was there in a changed column.
    """
    old, new = before.set_index("example_id"), after.set_index("example_id")
    stayed = new.index.intersection(old.index)
    moved = stayed[(old.loc[stayed, "split"] != new.loc[stayed, "split"]).to_numpy()]
    removed, added = old.drop(stayed), new.drop(stayed)
    lines = [_line(row, f"moved: {old['split'][row.Index]} -> {row.split}") for row in new.loc[moved].itertuples()]
    for key in SAME:
        pairs = _pairs(removed, added, key)
        texts = [rows[[*NEEDED, "split"]].to_dict("index") for rows in (removed, added)]
        lines += [_changed(texts[0][was], now, texts[1][now]) for was, now in pairs]
        removed, added = removed.drop([was for was, _ in pairs]), added.drop([now for _, now in pairs])
    lines += [_line(row, "added") for row in added.itertuples()]
    lines += [_line(row, "removed") for row in removed.itertuples()]
    return pd.DataFrame(lines, columns=list(COLUMNS), dtype="str")


def _pairs(removed: pd.DataFrame, added: pd.DataFrame, key: list[str]) -> list[tuple[str, str]]:
    """Ids of rows gone and rows new that agree in `key`, each used once."""
    sides = [rows[key].assign(nth=rows.groupby(key).cumcount(), id=rows.index) for rows in (removed, added)]
    both = sides[0].merge(sides[1], on=[*key, "nth"])
    return list(zip(both["id_x"], both["id_y"], strict=True))


def _line(row: Any, change: str) -> tuple[str, ...]:
    return (change, row.split, row.db_id, row.question, row.answer, "", row.Index)


def _changed(was: dict[Any, Any], example_id: str, now: dict[Any, Any]) -> tuple[str, ...]:
    columns = [name for name in NEEDED if was[name] != now[name]]
    before = "; ".join(str(was[name]) for name in columns)
    return (
        f"changed: {', '.join(columns)}",
        now["split"],
        now["db_id"],
        now["question"],
        now["answer"],
        before,
        example_id,
    )


def manifest(
    sources: list[dict[str, Any]], rows: pd.DataFrame, train: pd.DataFrame, evaluation: pd.DataFrame, suite: list[Any]
) -> dict[str, Any]:
    """What a prepared set was made of.

    Args:
        sources: each source's name and configuration.
        rows: all rows that were read.
        train: the rows prepared for training.
        evaluation: those for evaluation.
        suite: the expectations, as plain values.

    Returns:
        The same with `rows` and `content` (a hash that only the rows decide) for each source and each split.
    """
    read = {str(name): part for name, part in rows.groupby("source")}
    return {
        "sources": [{**source, **_content(read[source["name"]])} for source in sources],
        "prepared": {"train": _content(train), "eval": _content(evaluation)},
        "suite": suite,
    }


def _content(rows: pd.DataFrame) -> dict[str, Any]:
    # Sums of row hashes do not depend on the order.
    told = rows[["example_id", "dialect", "language", "domain"]].fillna("")
    total = int(pd.util.hash_pandas_object(told, index=False).sum())
    return {"rows": len(rows), "content": f"{total:016x}"}
