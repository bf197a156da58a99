"""A scripted model that really writes schemas, questions and queries for the prompts of the synthesis room.

As real ones do, it also repeats itself, writes queries that do not parse, run, or only read, changes language, cuts
JSON off and refuses. What it writes follows from the prompt alone.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

Messages = list[dict[str, str]]

NOUNS = {
    "branch": "지점", "member": "회원", "order": "주문", "team": "팀", "course": "강의", "ticket": "표",
    "doctor": "의사", "machine": "기계", "flight": "항공편", "parcel": "소포", "song": "노래", "shop": "가게",
}  # fmt: skip
CITIES = ["Seoul", "Busan", "Lyon", "Oslo", "Quito"]
REFUSAL = "I cannot help with that."


class RefusalError(Exception):
    """The model does not answer."""


def write(messages: Messages) -> str:
    """The answer to a chat.

    Raises:
        RefusalError: now and then.
    """
    user = messages[-1]["content"]
    asked, _ = json.JSONDecoder().raw_decode(user)
    rng = random.Random(json.dumps(messages))
    if "domain" in asked:
        return _faulty(json.dumps({"ddl": schema(asked["domain"], asked["number"], asked["tables"])}), rng, 0.1)
    if "kinds" in asked:
        return _faulty(json.dumps({"rows": rows(asked, rng)}, ensure_ascii=False), rng, 0.15)
    return _fitness(asked)


def schema(domain: str, number: int, tables: int) -> str:
    """Tables in a chain, each but the first with a foreign key to the one before."""
    rng = random.Random(f"{domain}/{number}")
    nouns = rng.sample(list(NOUNS), tables)
    statements = []
    for at, noun in enumerate(nouns):
        columns = ["id INT PRIMARY KEY", "name VARCHAR(50) NOT NULL", "city VARCHAR(30) NOT NULL"]
        columns += ["size INT NOT NULL", "price DECIMAL(10,2) NOT NULL", "since DATE NOT NULL"]
        if at:
            columns += [f"{nouns[at - 1]}_id INT NOT NULL"]
            columns += [f"FOREIGN KEY ({nouns[at - 1]}_id) REFERENCES {nouns[at - 1]}s(id)"]
        statements.append(f"CREATE TABLE {noun}s ({', '.join(columns)});")
    return "\n".join(statements)


def rows(asked: dict[str, Any], rng: random.Random) -> list[dict[str, str]]:
    """One row for each kind asked for, some of them bad."""
    written: list[dict[str, str]] = []
    for kind in asked["kinds"]:
        row = {"kind": kind, **row_of(kind, asked["schema"], asked["language"], rng)}
        written.append(_spoilt(row, written, asked, rng))
    return written


def row_of(kind: str, ddl: str, language: str, rng: random.Random) -> dict[str, str]:
    """A sound question and its query."""
    tables = re.findall(r"CREATE TABLE (\w+)s ", ddl)
    noun = rng.choice(tables)
    child = rng.choice(tables[1:])
    parent = re.search(rf"TABLE {child}s .*?, (\w+)_id INT", ddl)[1]  # type: ignore[index]
    measure, city, n = rng.choice(["size", "price"]), rng.choice(CITIES), rng.randint(1, 90)
    join = f"{child}s JOIN {parent}s ON {child}s.{parent}_id = {parent}s.id"
    third = rng.choice(["size", "price", "city"])
    sql, english, korean = {
        "basic SQL": (
            f"SELECT name FROM {noun}s WHERE {measure} > {n}",
            f"Which {noun}s have a {measure} above {n}?",
            f"{measure}이(가) {n}보다 큰 {NOUNS[noun]}의 이름은?",
        ),
        "aggregation": (
            f"SELECT city, AVG({measure}) FROM {noun}s WHERE {measure} > {n} GROUP BY city",
            f"For {noun}s with a {measure} above {n}, what is the average {measure} in each city?",
            f"{measure}이(가) {n}보다 큰 {NOUNS[noun]}의 도시별 평균 {measure}은(는)?",
        ),
        "single join": (
            f"SELECT {child}s.name, {parent}s.{third} FROM {join} WHERE {parent}s.{measure} > {n}",
            f"Show the {child}s with the {third} of their {parent}, where its {measure} is above {n}.",
            f"{NOUNS[parent]}의 {measure}이(가) {n}보다 큰 {NOUNS[child]}의 이름과 그 {third}을(를) 보여 줘.",
        ),
        "multiple joins": (
            f"SELECT {child}s.name, other.name FROM {join} JOIN {child}s AS other ON other.{parent}_id = {parent}s.id"
            f" WHERE {child}s.{measure} > {n}",
            f"Pair each {child} whose {measure} is above {n} with all {child}s of the same {parent}.",
            f"{measure}이(가) {n}보다 큰 {NOUNS[child]}을(를) 같은 {NOUNS[parent]}의 모든 {NOUNS[child]}와 짝지어 줘.",
        ),
        "subqueries": (
            f"SELECT name FROM {noun}s WHERE {measure} > (SELECT AVG({measure}) FROM {noun}s) OR size > {n}",
            f"Which {noun}s are above the average {measure} or larger than {n}?",
            f"평균 {measure}보다 크거나 크기가 {n}보다 큰 {NOUNS[noun]}의 이름은?",
        ),
        "window functions": (
            f"SELECT name, RANK() OVER (PARTITION BY city ORDER BY {measure} DESC) FROM {noun}s WHERE size > {n}",
            f"Rank the {noun}s larger than {n} by {measure} within their city.",
            f"크기가 {n}보다 큰 {NOUNS[noun]}을(를) 도시 안에서 {measure} 순위로 매겨 줘.",
        ),
        "set operations": (
            f"SELECT city FROM {child}s WHERE {measure} > {n} UNION SELECT city FROM {parent}s",
            f"Which cities have a {child} with a {measure} above {n}, or any {parent}?",
            f"{measure}이(가) {n}보다 큰 {NOUNS[child]}이(가) 있거나 {NOUNS[parent]}이(가) 있는 도시는?",
        ),
        "CTEs": (
            f"WITH chosen AS (SELECT * FROM {noun}s WHERE {measure} > {n} OR city = '{city}') "
            "SELECT city, COUNT(*) FROM chosen GROUP BY city",
            f"Of the {noun}s in {city} or with a {measure} above {n}, how many are there in each city?",
            f"{city}에 있거나 {measure}이(가) {n}보다 큰 {NOUNS[noun]}은(는) 도시마다 몇 개인가요?",
        ),
    }[kind]
    return {"question": korean if language == "Korean" else english, "sql": sql}


def _spoilt(
    row: dict[str, str], before: list[dict[str, str]], asked: dict[str, Any], rng: random.Random
) -> dict[str, str]:
    luck = rng.random()
    if luck < 0.06 and before:
        return {**row, "question": before[-1]["question"].upper(), "sql": before[-1]["sql"]}
    if luck < 0.12 and before:
        again = "방금 물은 것을 다시 알려 줘: " if asked["language"] == "Korean" else "Once more: "
        return {**row, "question": again + before[-1]["question"], "sql": before[-1]["sql"].replace(" > ", " >") + ";"}
    first = re.findall(r"FROM (\w+)", row["sql"])[0]
    bad = {
        0.15: {"sql": "SELECT name FROM WHERE ("},
        0.18: {"sql": row["sql"].replace("name", "nickname").replace("city", "planet")},
        0.21: {"sql": f"DELETE FROM {first}"},
        0.24: {"sql": f"SELECT * FROM ({row['sql']}) AS nothing WHERE 1 = 0"},
        0.27: {"question": "Quelles lignes ?" if asked["language"] == "Korean" else "어떤 줄인가요?"},
    }
    for below, change in bad.items():
        if 0.12 <= luck < below:
            return {**row, **change}
    return row


def _faulty(text: str, rng: random.Random, share: float) -> str:
    luck = rng.random()
    if luck < share / 3:
        return text[: len(text) // 3]
    if luck < share * 2 / 3:
        raise RefusalError
    if luck < share:
        return f"Certainly! Here it is:\n```json\n{text}\n```\nLet me know if you need more."
    return text


def _fitness(asked: dict[str, str]) -> str:
    if "perhaps" in asked["question"]:
        return "That depends on what is meant."
    known = set(re.findall(r"\w+", asked["schema"].lower()))
    tables = {name.lower() for name in re.findall(r"(?:FROM|JOIN) (\w+)", asked["sql"])} - {"chosen"}
    fits = tables <= known and "weather" not in asked["question"]
    reason = "the schema holds what is asked for" if fits else "the schema does not hold what is asked for"
    return json.dumps({"reason": reason, "fits": "yes" if fits else "no"})
