"""What becomes of each source's rows: `python -m benchmarks.data_sources [--quick]`.

Reads the sources' published shapes (small files of our own, tests/data/published), checks every row as a night does,
and prints rows in, rows out, and rows in quarantine by reason. `--quick` tries three databases a query instead of 20.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import create_engine

from benchmarks.record import quick_asked, record, show
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.quarantine import count_reasons
from tasks.data.sources.read import read_rows
from tasks.data.validation import validate
from tasks.sql.config import SqlConfig

PUBLISHED = Path(__file__).parent.parent / "tests" / "data" / "published"
PACKAGES = ["datasets", "great-expectations", "pandas", "sqlglot"]


def sources(folder: Path) -> dict[str, dict[str, Any]]:
    """Every kind of source, by the name of its line."""
    found = {
        "ko_text2sql origin": {"kind": "ko_text2sql", "path": str(PUBLISHED / "ko_text2sql")},
        "ko_text2sql clean": {"kind": "ko_text2sql", "path": str(PUBLISHED / "ko_text2sql"), "config": "clean"},
        "sql-create-context": {"kind": "sql_create_context", "path": str(PUBLISHED / "sql_create_context")},
        "gretel": {"kind": "gretel", "path": str(PUBLISHED / "gretel")},
        "WikiSQL files": {"kind": "wikisql", "path": str(PUBLISHED / "wikisql")},
        "WikiSQL hub": {"kind": "wikisql", "path": str(PUBLISHED / "wikisql_hub")},
        "Spider": {"kind": "spider", "path": str(PUBLISHED / "spider")},
        "AI Hub": {"kind": "aihub", "path": str(PUBLISHED / "aihub")},
    }
    own = read_rows(DataConfig(sources=[found["ko_text2sql origin"]])).reset_index(drop=True)
    own = own[["db_id", "context", "question", "answer", "language"]]
    for suffix, write in (("csv", own.to_csv), ("parquet", own.to_parquet)):
        write(folder / f"rows.{suffix}", index=False)
        found[suffix.upper()] = {"kind": "rows", "path": str(folder / f"rows.{suffix}")}
    own.to_json(folder / "rows.jsonl", orient="records", lines=True, force_ascii=False)
    found["JSONL behind a URL"] = {"kind": "rows", "path": f"file://{folder}/rows.jsonl"}
    own.to_sql("pairs", create_engine(f"sqlite:///{folder}/rows.db"), index=False)
    found["table of a database"] = {"kind": "sql_table", "url": f"sqlite:///{folder}/rows.db", "table": "pairs"}
    found["bundled sample"] = {"kind": "bundled"}
    return found


def main() -> None:
    """Run it."""
    quick = quick_asked(__doc__)
    sql = SqlConfig(databases=3) if quick else SqlConfig()
    lines: list[dict[str, str | int]] = []
    reasons: list[dict[str, str | int]] = []
    figures: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, source in sources(Path(folder)).items():
            if quick and name == "bundled sample":
                continue
            rows_in, kept, counted = _checked(source, sql)
            lines.append({"source": name, "rows in": rows_in, "rows out": kept, "quarantined": rows_in - kept})
            reasons += [{"source": name, "reason": reason, "rows": count} for reason, count in counted.items()]
            key = name.lower().replace(" ", "_").replace("-", "_")
            figures |= {f"{key}_rows_in": rows_in, f"{key}_rows_out": kept}
            figures |= {f"{key}_{reason.replace(' ', '_')}": count for reason, count in counted.items()}
    show("Every source", lines)
    show("Quarantine by reason (a row may have several)", reasons)
    record("data_sources", figures, PACKAGES, quick)


def _checked(source: dict[str, Any], sql: SqlConfig) -> tuple[int, int, dict[str, int]]:
    config = DataConfig(sources=[source], validation=ValidationConfig(max_quarantined_share=1.0))
    rows: pd.DataFrame = read_rows(config)
    good, quarantined, _ = validate(rows, config, sql)
    return len(rows), len(good), count_reasons(quarantined)


if __name__ == "__main__":
    main()
