"""The file formats that rows are read from. Whatever is wrong with a file is told with its name and line."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.common.errors import InputError

# A record is its line (in Parquet: its row) counted from 1, and its values by column.
Record = tuple[int, dict[str, Any]]
Opened = tuple[list[str], Iterator[Record]]

PARQUET_BATCH = 10_000


def open_records(where: str) -> Opened:
    """Open a CSV, JSONL or Parquet file: its column names and a lazy iterator over its records.

    A key that a JSONL line lacks is simply absent from that record; the columns are those of the first line.

    Args:
        where: a path, or a URL that fsspec opens.

    Raises:
        InputError: here or while iterating: no such file, an unknown suffix, not UTF-8, a broken line, a
            row with too many or too few fields, a Parquet file that is not whole, no record at all.
    """
    suffix = PurePosixPath(where).suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        raise InputError(f"{where}: unknown suffix '{suffix}'; expected {', '.join(READERS)}")
    columns, records = reader(where)
    first = next(records, None)
    if first is None:
        raise InputError(f"{where}: the file has no rows")
    return columns, chain([first], records)


def open_bytes(where: str) -> BinaryIO:
    """Open a path or a URL for reading.

    Raises:
        InputError: it is not there, or cannot be opened.
    """
    try:
        if "://" not in where:
            return Path(where).open("rb")
        stream: BinaryIO = fsspec.open(where, "rb").open()
        return stream
    except FileNotFoundError:
        raise InputError(f"{where}: no such file") from None
    except Exception as error:  # each kind of storage has its own errors
        told = (error.strerror if isinstance(error, OSError) else None) or _first_line(error)
        raise InputError(f"{where}: cannot be opened: {told}") from None


def read_lines(path: str) -> Iterator[str]:
    """Decode line by line, so that a wrong byte is told with its line; a byte order mark is dropped."""
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, 1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                byte = f"0x{raw[error.start]:02x} at byte {error.start + 1}"
                raise InputError(f"{path}, line {number}: not UTF-8 ({byte}); save it as UTF-8") from None


def _open_csv(path: str) -> Opened:
    csv.field_size_limit(sys.maxsize)  # a very long question is for validation to refuse, row by row
    reader = csv.reader(read_lines(path), strict=True)
    header = _next_csv_row(reader, path)
    if header is None:
        raise InputError(f"{path}: the file is empty")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{path}, line 1: column '{twice[0]}' appears twice; expected each name once")

    def records() -> Iterator[Record]:
        while True:
            line = reader.line_num + 1
            row = _next_csv_row(reader, path)
            if row is None:
                return
            if row and len(row) != len(header):
                raise InputError(f"{path}, line {line}: found {len(row)} fields, expected {len(header)}")
            if row:
                yield line, dict(zip(header, row, strict=True))

    return header, records()


def _next_csv_row(reader: Any, path: str) -> list[str] | None:
    line = reader.line_num + 1
    try:
        row: list[str] | None = next(reader, None)
    except csv.Error as error:
        raise InputError(f"{path}, line {line}: not CSV: {error}; expected quotes to be closed") from None
    return row


def _open_jsonl(path: str) -> Opened:
    records = read_jsonl(path)
    first = next(records, None)
    return ([], iter(())) if first is None else (list(first[1]), chain([first], records))


def read_jsonl(path: str) -> Iterator[Record]:
    """The objects of a JSONL file, each with its line from 1."""
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}; expected one object a line") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object, found {type(values).__name__}")
        yield number, values


def read_json(path: Path) -> Any:
    """What a whole JSON file holds; a byte order mark is dropped.

    Raises:
        InputError: it is not there, not UTF-8 or not JSON.
    """
    text = "".join(read_lines(str(path)))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None


def read_json_list(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON file that holds a list of them.

    Raises:
        InputError: as `read_json`, or it holds something else.
    """
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise InputError(f"{path}: expected a list of JSON objects")
    return content


def _open_parquet(path: str) -> Opened:
    try:
        file = pq.ParquetFile(open_bytes(path))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file: {_first_line(error)}") from None

    def records() -> Iterator[Record]:
        number = 0
        try:
            for batch in file.iter_batches(PARQUET_BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield number, values
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: broken after row {number}: {_first_line(error)}") from None

    return file.schema_arrow.names, records()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


READERS: dict[str, Callable[[str], Opened]] = {
    ".csv": _open_csv,
    ".jsonl": _open_jsonl,
    ".parquet": _open_parquet,
}
