"""The validation suite, to be read top to bottom: what every row has to look like, and what its query has to do."""

from __future__ import annotations

import great_expectations as gx
import great_expectations.expectations as gxe

from tasks.data.columns import COLUMNS, DIALECTS, LANGUAGES, NEEDED
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.expectation import ExpectQueriesToBeSound, ExpectQuestionsInTheirLanguage
from tasks.sql.config import SqlConfig

DUPLICATE = "duplicate of an earlier row"
UNSOUND = "query is not sound"
OTHER_LANGUAGE = "question is not in its language"
MAX_ID_CHARS = 200
# ASCII and Latin-1 controls, marks that turn the direction of writing, and a byte order mark inside a text.
CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + "\u202a-\u202e\u2066-\u2069\ufeff]"
UNDECODED = "\ufffd"
SPACE_AROUND = r"^\s+\S|\S\s+$"


def form_suite(limits: ValidationConfig) -> list[gxe.Expectation]:
    """What every row has to look like before its query is looked at."""
    longest = {
        "db_id": MAX_ID_CHARS,
        "question": limits.max_question_chars,
        "context": limits.max_context_chars,
        "answer": limits.max_answer_chars,
    }
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=["row", *COLUMNS], exact_match=True),
        *(gxe.ExpectColumnValuesToBeOfType(column=column, type_="str") for column in COLUMNS),
        *(gxe.ExpectColumnValuesToNotBeNull(column=column, meta=_reason(f"{column} is missing")) for column in NEEDED),
        *(
            gxe.ExpectColumnValuesToMatchRegex(column=column, regex=r"\S", meta=_reason(f"{column} is blank"))
            for column in NEEDED
        ),
        *(_without(column, CONTROL_CHARACTERS, "has control characters") for column in NEEDED),
        *(_without(column, UNDECODED, "has characters that were not decoded") for column in NEEDED),
        _without("db_id", SPACE_AROUND, "has white space around it"),
        *(
            gxe.ExpectColumnValueLengthsToBeBetween(
                column=column, max_value=most, meta=_reason(f"{column} is longer than {most} characters")
            )
            for column, most in longest.items()
        ),
        *(
            gxe.ExpectColumnValuesToBeInSet(
                column=column, value_set=list(known), meta=_reason(f"{column} is not {', '.join(known)}")
            )
            for column, known in (("language", LANGUAGES), ("dialect", DIALECTS), ("db_id", limits.db_ids))
            if known
        ),
        ExpectQuestionsInTheirLanguage(meta=_reason(OTHER_LANGUAGE)),
        gxe.ExpectColumnValuesToBeUnique(column="example_id", meta=_reason(DUPLICATE)),
    ]


def query_suite(config: DataConfig, sql: SqlConfig) -> list[gxe.Expectation]:
    """What every query has to do."""
    return [
        ExpectQueriesToBeSound(
            sql=sql.model_dump(mode="json"),
            must_return_rows=config.validation.must_return_rows,
            meta=_reason(UNSOUND),
        )
    ]


def suite_of(config: DataConfig, sql: SqlConfig) -> gx.ExpectationSuite:
    """Both suites as one, to be kept with the rows that they let through."""
    return gx.ExpectationSuite(name="rows", expectations=[*form_suite(config.validation), *query_suite(config, sql)])


def _without(column: str, regex: str, what: str) -> gxe.Expectation:
    return gxe.ExpectColumnValuesToNotMatchRegex(column=column, regex=regex, meta=_reason(f"{column} {what}"))


def _reason(reason: str) -> dict[str, str]:
    return {"reason": reason}
