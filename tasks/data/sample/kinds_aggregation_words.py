"""The phrasings of counts, sums and averages."""

from __future__ import annotations

from tasks.data.sample import kinds_aggregation as agg
from tasks.data.sample.draw import Kind

COUNT_EN = [
    "How many {them} are there?",
    "Count the {them}.",
    "What is the number of {them}?",
    "Can you count the {them}?",
    "Find the total number of {them}.",
    "Number of {them}",
]
COUNT_KO = [
    "{them}은(는) 몇 {counter}인가요?",
    "{them}은(는) 모두 몇 {counter}(이)야?",
    "{them}의 수를 세어 줘.",
    "{them}이(가) 몇 {counter} 있는지 알려주세요.",
    "{them}이(가) 총 몇 {counter}인지 구해 주세요.",
    "{them} 수",
]
SCALAR_EN = [
    "What is the {agg} of {them}?",
    "Calculate the {agg} of all {them}.",
    "Find the {agg} of {them}.",
    "Tell me the {agg} across {them}.",
    "I need the {agg} of {them}.",
    "The {agg} of all {them}",
]
SCALAR_KO = [
    "{them}의 {agg}은(는) 얼마인가요?",
    "{them}의 {agg}을(를) 구해 줘.",
    "{them}의 {agg}을(를) 계산해 주세요.",
    "{them}의 {agg}은(는) 얼마야?",
    "{them}의 {agg}을(를) 알려주세요.",
    "{them}의 {agg}",
]
PER_GROUP_COUNT_EN = [
    "How many {them} are there for each {group}?",
    "Show each {group} and the number of {them}.",
    "Count the {them} per {group}.",
    "For every {group}, give the number of {them}.",
    "Group the {them} by {group} and count them.",
    "The number of {them} by {group}",
]
PER_GROUP_COUNT_KO = [
    "{group}별 {them} 수를 보여 줘.",
    "{group}별로 {them}은(는) 몇 {counter}인가요?",
    "각 {group}과(와) 해당 {them} 수를 알려주세요.",
    "{them}을(를) {group}별로 묶어서 몇 {counter}인지 세어 줘.",
    "{group}마다 {them}이(가) 몇 {counter}씩 있는지 알려줄래?",
    "{group}별 {them} 수",
]
PER_GROUP_WHERE_KO = [
    "{them} 수를 {group}별로 보여 줘.",
    "{them}은(는) {group}별로 몇 {counter}인가요?",
    "{group}별로 {them}이(가) 몇 {counter}인지 알려주세요.",
    "{them}을(를) {group}별로 세어 줘.",
    "{them}의 {group}별 수를 알려줄래?",
    "{them}의 {group}별 수",
]

KINDS = [
    Kind("count", 12, agg.count, COUNT_EN, COUNT_KO),
    Kind("scalar", 12, agg.scalar, SCALAR_EN, SCALAR_KO),
    Kind(
        "extent",
        1,
        agg.extent,
        [
            "What are the {agg} of the {them}?",
            "Show the {agg} among all {them}.",
            "Find the {agg} of the {them}.",
            "Give me the {agg} across all {them}.",
            "Report the {agg} of all {them}.",
            "The {agg} of the {them}",
        ],
        [
            "{them}의 {agg}은(는) 무엇인가요?",
            "{them}에서 {agg}을(를) 보여 줘.",
            "{them} 중 {agg}을(를) 구해 주세요.",
            "{them}의 {agg}을(를) 알려 줘.",
            "{them}의 {agg}이(가) 궁금합니다.",
            "{them}의 {agg}",
        ],
    ),
    Kind(
        "count_distinct",
        2,
        agg.count_distinct,
        [
            "How many different {col} do the {them} have?",
            "Count the distinct {col} of the {them}.",
            "What is the number of different {col} among the {them}?",
            "How many unique {col} are there among the {them}?",
            "Tell me how many distinct {col} occur among the {them}.",
            "The number of different {col} of the {them}",
        ],
        [
            "{them}의 서로 다른 {col}은(는) 몇 가지인가요?",
            "{them}의 {col} 종류가 몇 가지인지 세어 줘.",
            "{them} {col}은(는) 중복을 빼면 몇 개야?",
            "중복 없이 센 {them} {col}의 수를 알려주세요.",
            "{them}에 서로 다른 {col}이(가) 몇 개 있나요?",
            "{them}의 고유한 {col} 수",
        ],
    ),
    Kind("count_per_group", 12, agg.count_per_group, PER_GROUP_COUNT_EN, PER_GROUP_COUNT_KO),
    Kind(
        "count_per_group_where",
        2,
        agg.count_per_group_where,
        [
            *PER_GROUP_COUNT_EN[:2],
            "For each {group}, count the {them}.",
            "By {group}, how many {them} are there?",
            "Give the number of {them}, grouped by {group}.",
            "The number of {them}, counted by {group}",
        ],
        PER_GROUP_WHERE_KO,
    ),
    Kind(
        "count_per_year",
        1,
        agg.count_per_year,
        [
            "How many {them} {verb} in each year?",
            "Show each year and the number of {them} {who} {verb} in it.",
            "Per year, count the {them} {who} {verb}.",
            "For every year, give the number of {them} {who} {verb} then.",
            "By year of the {col}, how many {them} are there?",
            "The number of {them} {who} {verb} in each year",
        ],
        [
            "연도별로 {verb} {them} 수를 보여 줘.",
            "매년 {verb} {them}은(는) 몇 {counter}인가요?",
            "{col} 연도별 {them} 수를 알려주세요.",
            "해마다 {verb} {them}이(가) 몇 {counter}인지 연도와 함께 알려 줘.",
            "{them}을(를) {col}의 연도별로 세어 주세요.",
            "연도별 {verb} {them} 수",
        ],
    ),
    Kind(
        "aggregate_per_group",
        10,
        agg.aggregate_per_group,
        [
            "What is the {agg} of the {them} for each {group}?",
            "Show each {group} with the {agg} of its {them}.",
            "Calculate the {agg} of the {them} per {group}.",
            "For every {group}, give the {agg} of the {them}.",
            "Group the {them} by {group} and find the {agg}.",
            "The {agg} of the {them} by {group}",
        ],
        [
            "{them}의 {group}별 {agg}을(를) 보여 줘.",
            "{group}별로 {them}의 {agg}은(는) 얼마인가요?",
            "각 {group}과(와) 그에 해당하는 {them}의 {agg}을(를) 알려주세요.",
            "{them}을(를) {group}별로 묶어 {agg}을(를) 구해 줘.",
            "{group}마다 {them}의 {agg}이(가) 얼마인지 계산해 주세요.",
            "{group}별 {them}의 {agg}",
        ],
    ),
    Kind(
        "having_count",
        6,
        agg.having_count,
        [
            "Which {group} have {limit} {them}?",
            "List the {group} that have {limit} {them}.",
            "Find the {group} shared by {limit} {them}.",
            "What are the {group} with {limit} {them}?",
            "Show only the {group} that {limit} {them} have.",
            "The {group} with {limit} {them}",
        ],
        [
            "{them}이(가) {limit}인 {group}을(를) 보여 줘.",
            "{them} 수가 {limit}인 {group}은(는) 무엇인가요?",
            "{them}이(가) {limit} 있는 {group}을(를) 알려주세요.",
            "{group} 중에서 {them} 수가 {limit}인 것을 찾아 줘.",
            "{them} 수가 {limit}인 {group}만 골라 주세요.",
            "{them}이(가) {limit}인 {group} 목록",
        ],
    ),
    Kind(
        "having_count_shown",
        1,
        agg.having_count_shown,
        [
            "Which {group} have {limit} {them}, and how many do they have?",
            "List the {group} that have {limit} {them}, together with the number of {them}.",
            "Show the {group} with {limit} {them} and the count for each.",
            "Find the {group} with {limit} {them} and how many {them} each has.",
            "For the {group} with {limit} {them}, give the number of {them} next to each.",
            "The {group} with {limit} {them}, each with its number of {them}",
        ],
        [
            "{them}이(가) {limit}인 {group}과(와) {them} 수를 보여 줘.",
            "{them} 수가 {limit}인 {group}은(는) 무엇이고 각각 몇 {counter}인가요?",
            "{them}이(가) {limit}인 {group}을(를) {them} 수와 함께 알려주세요.",
            "{group} 중 {them} 수가 {limit}인 것과 그 수를 찾아 줘.",
            "{them} 수가 {limit}인 {group}과(와) 해당 수를 출력해 주세요.",
            "{them}이(가) {limit}인 {group} 및 {them} 수",
        ],
    ),
    Kind(
        "having_aggregate",
        2,
        agg.having_aggregate,
        [
            "For which {group} is the {agg} of the {them} {limit}?",
            "List the {group} where the {agg} of the {them} is {limit}.",
            "Group the {them} by {group_one} and keep only the {group} whose {agg} is {limit}.",
            "Find all {group} for which the {agg} of the {them} is {limit}.",
            "Which {group} have {them} whose {agg} is {limit}?",
            "The {group} where the {agg} of the {them} is {limit}",
        ],
        [
            "{cond} {group}을(를) 보여 줘.",
            "{cond} {group}은(는) 무엇인가요?",
            "{cond} {group}을(를) 모두 알려주세요.",
            "{cond} {group}만 골라 줘.",
            "{cond} {group}에는 어떤 것이 있나요?",
            "{cond} {group} 목록",
        ],
    ),
    Kind(
        "biggest_group",
        2,
        agg.biggest_group,
        [
            "Which {group} has the most {them}?",
            "What is the most common {group} among the {them}?",
            "Find the {group} with the largest number of {them}.",
            "Show the {group} that occurs most often among the {them}.",
            "Tell me which {group} most {them} share.",
            "The most frequent {group} of the {them}",
        ],
        [
            "{them}이(가) 가장 많은 {group}은(는) 무엇인가요?",
            "{them} 수가 제일 많은 {group}을(를) 알려 줘.",
            "{them}에서 가장 흔한 {group}은(는) 뭐야?",
            "{them}의 {group} 중 가장 자주 나오는 것을 찾아 주세요.",
            "{them}이(가) 가장 많이 속한 {group}을(를) 보여 줘.",
            "{them} 수 기준 1위 {group}",
        ],
    ),
]
