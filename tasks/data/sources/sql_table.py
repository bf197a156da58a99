"""A table of a database, by SQLAlchemy URL."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sqlalchemy import MetaData, Table, create_engine, make_url, select
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from tasks.common.errors import InputError
from tasks.data.columns import NEEDED, OPTIONAL
from tasks.data.sources.config import SqlTableSource
from tasks.data.sources.record import Record
from tasks.data.sources.rows import check_columns

BATCH = 10_000


def records(source: SqlTableSource) -> Iterator[Record]:
    """All rows, numbered from 1 in the order of the primary key, or of their text where there is none.

    Raises:
        InputError: the URL holds a password or leads nowhere, there is no such table, or it lacks a column.
    """
    where = f"{source.url}, table {source.table}"
    engine = None
    try:
        url = make_url(source.url)
        if url.password is not None:
            raise InputError("data.sources: a URL must not hold a password; name its variable in `password_env`")
        if source.password_env:
            url = url.set(password=_password(source.password_env))
        engine = create_engine(url)
        table = Table(source.table, MetaData(), autoload_with=engine)
        check_columns(where, table.columns.keys())
        names = [name for name in (*NEEDED, *OPTIONAL) if name in table.columns]
        order = list(table.primary_key.columns) or [table.columns[name] for name in NEEDED]
        query = select(*(table.columns[name] for name in names)).order_by(*order)
        with engine.connect().execution_options(stream_results=True, yield_per=BATCH) as connection:
            for number, row in enumerate(connection.execute(query), 1):
                given = {**dict.fromkeys(OPTIONAL), **row._mapping}
                yield Record(str(number), **given)._replace(dialect=given["dialect"] or source.dialect)
    except NoSuchTableError:
        raise InputError(f"{source.url}: no table '{source.table}'") from None
    except (SQLAlchemyError, ImportError) as error:
        raise InputError(f"{where}: cannot be read: {str(error).splitlines()[0]}") from None
    finally:
        if engine is not None:
            engine.dispose()


def _password(variable: str) -> str:
    if variable not in os.environ:
        raise InputError(f"data.sources: password_env names {variable}, which is not set in the environment")
    return os.environ[variable]
