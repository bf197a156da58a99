"""Words of other dialects: sqlglot reads all dialects leniently, a server does not.

Functions are looked up by the name that is written, before sqlglot gives its own name to them (to it STRING_AGG and
GROUP_CONCAT are the same). A name on the dialect's list goes on to be translated, a name that its server is known
not to have is a mistake, and any other is not supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import sqlglot
from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WINDOWS = "CUME_DIST DENSE_RANK FIRST_VALUE LAG LAST_VALUE LEAD NTH_VALUE NTILE PERCENT_RANK RANK ROW_NUMBER"
_COMMON = "ABS AVG CAST COALESCE COUNT LENGTH LOWER LTRIM MAX MIN NULLIF REPLACE ROUND RTRIM SUM TRIM UPPER " + _WINDOWS

FUNCTIONS: dict[str, frozenset[str]] = {
    "mysql": _names(
        "ADDDATE ASCII CEIL CEILING CHARACTER_LENGTH CHAR_LENGTH CONCAT CONCAT_WS CONVERT CURDATE CURRENT_DATE "
        "CURRENT_TIMESTAMP DATE DATEDIFF DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR "
        "EXP EXTRACT FIELD FIND_IN_SET FLOOR FORMAT GREATEST GROUP_CONCAT HOUR IF IFNULL INSTR ISNULL LAST_DAY "
        "LCASE LEAST LEFT LN LOCALTIME LOCALTIMESTAMP LOCATE LOG LOG10 LOG2 LPAD MID MINUTE MOD MONTH MONTHNAME "
        "NOW POSITION POW POWER QUARTER REPEAT REVERSE RIGHT RPAD SECOND SIGN SQRT STD STDDEV STDDEV_POP "
        "STDDEV_SAMP SUBDATE SUBSTR SUBSTRING SUBSTRING_INDEX SYSDATE TIME TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF "
        "TRUNCATE UCASE UTC_DATE VARIANCE VAR_POP VAR_SAMP WEEKDAY WEEKOFYEAR YEAR " + _COMMON
    ),
    "postgres": _names(
        "AGE ASCII BOOL_AND BOOL_OR BTRIM CEIL CEILING CHARACTER_LENGTH CHAR_LENGTH CONCAT CONCAT_WS DATE "
        "DATE_PART DATE_TRUNC EVERY EXP EXTRACT FLOOR GREATEST INITCAP LEAST LEFT LN LOG LPAD MOD NOW POSITION "
        "POWER REPEAT REVERSE RIGHT RPAD SIGN SPLIT_PART SQRT STDDEV STDDEV_POP STDDEV_SAMP STRING_AGG STRPOS "
        "SUBSTR SUBSTRING TO_CHAR TO_DATE TRUNC VARIANCE VAR_POP VAR_SAMP " + _COMMON
    ),
    "sqlite": _names(
        "CEIL CEILING DATE DATETIME EXP FLOOR GROUP_CONCAT IFNULL IIF INSTR JULIANDAY LN LOG LOG10 LOG2 MOD POW "
        "POWER SIGN SQRT STRFTIME SUBSTR SUBSTRING TIME TOTAL TRUNC TYPEOF UNICODE " + _COMMON
    ),
}

# What the server of a dialect answers with 'no such function'; a test asks a real one for each of them.
ABSENT: dict[str, frozenset[str]] = {
    "mysql": _names(
        "AGE ARRAY_AGG BOOL_AND BOOL_OR BTRIM CHARINDEX DATEADD DATEPART DATE_PART DATE_TRUNC EOMONTH EVERY "
        "GENERATE_SERIES GETDATE IIF INITCAP JULIANDAY LEN MAKE_DATE PRINTF REGEXP_MATCHES REGEXP_MATCH "
        "SAFE_CAST SPLIT_PART STRFTIME STRING_AGG STRPOS TO_DATE TO_TIMESTAMP TOTAL TRUNC TRY_CAST TYPEOF "
        "UNICODE UNNEST "
    ),
    "postgres": _names(
        "ADDDATE CHARINDEX CONVERT CURDATE CURTIME DATEADD DATEDIFF DATENAME DATEPART DATETIME DATE_ADD "
        "DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR FIELD FIND_IN_SET FROM_UNIXTIME "
        "GETDATE GROUP_CONCAT HOUR IF IFNULL IIF INSTR ISNULL JULIANDAY LAST_DAY LCASE LEN LOCATE LOG2 MID "
        "MINUTE MONTH MONTHNAME NVL PRINTF QUARTER RAND SECOND STD STRFTIME STR_TO_DATE SUBDATE "
        "SUBSTRING_INDEX SYSDATE TIMESTAMPADD TIMESTAMPDIFF TOTAL TRUNCATE TYPEOF UCASE UNICODE "
        "UNIX_TIMESTAMP UTC_DATE WEEK WEEKDAY WEEKOFYEAR YEAR "
    ),
    "sqlite": _names(
        "AGE ARRAY_AGG BOOL_AND BOOL_OR CHARINDEX CHAR_LENGTH CONVERT CURDATE DATEADD DATEDIFF DATEPART "
        "DATE_ADD DATE_FORMAT DATE_PART DATE_SUB DATE_TRUNC DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR "
        "EXTRACT FIELD FIND_IN_SET GETDATE GREATEST HOUR IF INITCAP ISNULL LAST_DAY LCASE LEAST LEFT LEN "
        "LOCATE LPAD MID MINUTE MONTH MONTHNAME NOW NVL POSITION QUARTER RAND REPEAT REVERSE RIGHT RPAD "
        "SECOND SPLIT_PART STDDEV STRING_AGG STRPOS STR_TO_DATE SUBSTRING_INDEX TIMESTAMPDIFF TO_CHAR TO_DATE "
        "TRUNCATE UCASE VARIANCE WEEK WEEKDAY YEAR "
    ),
}

# Words that may stand before a bracket and call nothing, and types.
_NO_CALL = _names(
    "ALL AND ANY AS ASC BETWEEN BY CASE CHAR CHARACTER DECIMAL DESC DISTINCT DOUBLE ELSE EXCEPT EXISTS "
    "FILTER FLOAT FROM HAVING ILIKE IN INTERSECT INTERVAL IS JOIN LATERAL LIKE LIMIT MATERIALIZED NOT "
    "NUMERIC OFFSET ON OR OVER PARTITION REAL RECURSIVE REGEXP RLIKE ROLLUP SELECT SEPARATOR SOME TEXT "
    "THEN UNION USING VALUES VARCHAR VARYING WHEN WHERE WINDOW WITH XOR DIV INTEGER INT BIGINT SMALLINT "
    "TIMESTAMPTZ BINARY GROUP SIGNED UNSIGNED ROW "
)
_TEXTS = ("STRING", "IDENTIFIER", "NATIONAL_STRING", "RAW_STRING", "BYTE_STRING", "HEX_STRING", "BIT_STRING")
_NAMES = {"mysql": "MySQL", "postgres": "PostgreSQL", "sqlite": "SQLite"}

# By dialect: what is a mistake there, as runs of words ('#' stands for any number).
_MISTAKES: dict[str, tuple[str, ...]] = {
    "mysql": (
        *(":: ", "ILIKE", "DISTINCT ON", "NULLS FIRST", "NULLS LAST", "FILTER (", "QUALIFY", "TABLESAMPLE"),
        *("USING SAMPLE", "LIMIT ALL", "AS TEXT )", "AS BOOLEAN )", "AS TIMESTAMP )", "AS STRING )", "AS NUMERIC"),
        *("AS BIGINT )", "AS REAL )", "SIMILAR TO", "FULL OUTER JOIN", "== ", "AT TIME ZONE"),
    ),
    "postgres": (
        *("LIMIT # ,", "== ", "<=> ", "INTERVAL #", "RLIKE", "REGEXP", "QUALIFY", "AS SIGNED", "AS UNSIGNED"),
        *("AS DATETIME )", "AS STRING )", "AS DOUBLE )", "SEPARATOR", "USING SAMPLE", "GLOB"),
    ),
    "sqlite": (
        *(":: ", "ILIKE", "DISTINCT ON", "INTERVAL", "<=> ", "&& ", "RLIKE", "DIV", "XOR", "SEPARATOR", "QUALIFY"),
        *("LIMIT ALL", "SIMILAR TO", "TABLESAMPLE", "AT TIME ZONE"),
    ),
}
_DOUBTFUL: dict[str, tuple[str, ...]] = {
    "mysql": ("FETCH FIRST", "FETCH NEXT", "MEMBER OF", "REGEXP", "RLIKE", "SOUNDS LIKE", "MATCH", ":=", "@", "BINARY"),
    "postgres": (
        "FETCH FIRST",
        "FETCH NEXT",
        "TABLESAMPLE",
        "SIMILAR TO",
        "AT TIME ZONE",
        "LATERAL",
        "COLLATE",
        "&& ",
        "DATE '' ::",
        "TIMESTAMP '' ::",
        "TIMESTAMPTZ '' ::",
        "INTERVAL '' ::",
        "LIMIT ALL",
    ),
    "sqlite": ("GLOB", "REGEXP", "MATCH", "COLLATE", "INDEXED BY"),
}


def refuse_foreign_words(sql: str, tree: exp.Query, dialect: str) -> None:
    """Refuse functions and operators that the dialect does not have, or that are not translated.

    Raises:
        Refused: 'invalid' for what the dialect's server refuses, 'unsupported' for what we do not know to translate.
    """
    tokens = sqlglot.tokenize(sql, read=dialect)
    named = {alias.name.upper() for alias in tree.find_all(exp.TableAlias)}
    for name in _called(tokens):
        if name in named:
            continue
        if name in ABSENT[dialect]:
            raise invalid(f"syntax error: {_NAMES[dialect]} has no function {name}")
        if name not in FUNCTIONS[dialect]:
            raise unsupported(f"function {name}")
    text = " ".join(_words(tokens)) + " "
    for what in _MISTAKES[dialect]:
        if _found(what, text):
            raise invalid(f"syntax error: {_NAMES[dialect]} does not know {what.replace('#', 'n').rstrip(' )(')}")
    for what in _DOUBTFUL[dialect]:
        if _found(what, text):
            raise unsupported(what.strip())


def _called(tokens: Sequence[sqlglot.Token]) -> Iterator[str]:
    for token, following in pairwise(tokens):
        word = token.text.upper()
        if following.text == "(" and _is_word(token) and word.split(" ")[-1] not in _NO_CALL:
            yield word


def _is_word(token: sqlglot.Token) -> bool:
    return token.token_type.name not in _TEXTS and re.fullmatch(r"[A-Za-z_][\w$ ]*", token.text) is not None


def _words(tokens: Sequence[sqlglot.Token]) -> Iterator[str]:
    for token in tokens:
        if token.token_type.name == "NUMBER":
            yield "#"
        else:
            yield "''" if token.token_type.name in _TEXTS else token.text.upper()


def _found(what: str, text: str) -> bool:
    start = r"(?<!\S)" if what[0].isalpha() or what[0] in "=<:&" else ""
    return re.search(start + re.escape(what.strip()) + r"(?!\S)", text) is not None
