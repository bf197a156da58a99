"""The sections of `data.sources`: one class a kind of source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.common.section import Section

Dialect = Literal["mysql", "sqlite", "postgres"]


class SourceSection(Section):
    """What all sources have."""

    db_prefix: str = Field("", description="Put before each db_id, so that the ids of two sources do not mix.")


class BundledSource(SourceSection):
    """The sample that ships with the project."""

    kind: Literal["bundled"]


class RowsSource(SourceSection):
    """Rows of one's own with the columns db_id, context, question, answer, and if wanted language, domain, dialect."""

    kind: Literal["rows"]
    path: str = Field(description="A CSV, JSONL or Parquet file: a path, or a URL that fsspec opens.")
    dialect: Dialect = Field("mysql", description="SQL dialect of the rows that name none.")


class SqlTableSource(SourceSection):
    """A table of a database, with the same columns as a file of rows."""

    kind: Literal["sql_table"]
    url: str = Field(
        description="SQLAlchemy URL without the password, e.g. mysql+pymysql://reader@host/rows or sqlite:///rows.db."
    )
    password_env: str = Field("", description="Environment variable that holds the password, if one is needed.")
    table: str = Field(description="The table or view to read, all of it.")
    dialect: Dialect = Field("mysql", description="SQL dialect of the rows that name none.")


class HubSection(SourceSection):
    """A data set of the Hugging Face Hub."""

    path: str = Field(description="Name on the Hub, or a folder in the same shape.")
    revision: str | None = Field(None, description="Commit, tag or branch on the Hub; empty takes the newest.")


class KoText2SqlSource(HubSection):
    """Korean questions on MySQL schemas."""

    kind: Literal["ko_text2sql"]
    path: str = Field("shangrilar/ko_text2sql", description="Name on the Hub, or a folder in the same shape.")
    config: Literal["origin", "clean"] = Field("origin", description="All rows, or those its author filtered.")


class SqlCreateContextSource(HubSection):
    """English questions on one or two tables, made from WikiSQL and Spider."""

    kind: Literal["sql_create_context"]
    path: str = Field("b-mc2/sql-create-context", description="Name on the Hub, or a folder in the same shape.")


class GretelSource(HubSection):
    """Synthetic English questions of a hundred domains."""

    kind: Literal["gretel"]
    path: str = Field("gretelai/synthetic_text_to_sql", description="Name on the Hub, or a folder in the same shape.")
    dialect: Dialect = Field("mysql", description="Dialect to read its SQL in, which names none.")


class WikiSqlSource(HubSection):
    """English questions on one table each."""

    kind: Literal["wikisql"]
    path: str = Field(
        "wikisql",
        description="The folder with *.jsonl and *.tables.jsonl, a name on the Hub, or a folder in that shape.",
    )


class SpiderSource(SourceSection):
    """English questions on databases of several tables."""

    kind: Literal["spider"]
    path: str = Field(description="The folder with tables.json, train_spider.json, dev.json and, if there, database/.")


class AiHubSource(SourceSection):
    """AI Hub's Korean NL2SQL set (71351)."""

    kind: Literal["aihub"]
    path: str = Field(description="The folder as it is handed out, with Training and Validation in it.")
    dialect: Dialect = Field("sqlite", description="Dialect to read its SQL in, which names none.")


Source = Annotated[
    BundledSource
    | RowsSource
    | SqlTableSource
    | KoText2SqlSource
    | SqlCreateContextSource
    | GretelSource
    | WikiSqlSource
    | SpiderSource
    | AiHubSource,
    Field(discriminator="kind"),
]
