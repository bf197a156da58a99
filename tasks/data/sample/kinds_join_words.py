"""The phrasings of the joins."""

from __future__ import annotations

from tasks.data.sample import kinds_join as join
from tasks.data.sample import kinds_multijoin as multijoin
from tasks.data.sample.draw import Kind
from tasks.data.sample.kinds_aggregation_words import COUNT_EN, COUNT_KO, SCALAR_EN, SCALAR_KO
from tasks.data.sample.kinds_basic_words import ASK_EN, ASK_KO

BESIDE_EN = [
    "Show the {cols} of the {them} together with the {upcol}.",
    "List the {cols} of all {them} along with the {upcol}.",
    "What are the {cols} of the {them} and the {upcol}?",
    "For all {them}, give the {cols} and the {upcol}.",
    "I need the {cols} of {them}, plus the {upcol}.",
    "The {cols} of {them} and the {upcol}",
]
BESIDE_FIRST_EN = [
    "Show the {cols} of the {them} together with the {upcol}.",
    "List the {cols} of the {them} along with the {upcol}.",
    "What are the {cols} of the {them} and the {upcol}?",
    "For the {them}, give the {cols} and the {upcol}.",
    "I need the {cols} of the {them}, plus the {upcol}.",
    "The {cols} of the {them} and the {upcol}",
]
BESIDE_KO = [
    "{them}의 {cols}과(와) {upcol}을(를) 함께 보여 줘.",
    "{them}의 {cols} 및 {upcol}을(를) 알려주세요.",
    "{them}의 {cols}과(와) {upcol}은(는) 무엇인가요?",
    "{them}에 대해 {cols}과(와) {upcol}을(를) 출력해 주세요.",
    "{them}의 {cols}, {upcol}을(를) 조회해 줘.",
    "{them}의 {cols}과(와) {upcol} 목록",
]
PER_PARENT_EN = [
    "For every {parent} {that} has any {them}, show {its} {label} and the number of {them}.",
    "How many {them} does each {parent} with at least one have? Show the {name} and the number.",
    "Count the {them} of each {parent} {that} has some, by {name}.",
    "List the {labels} of the {parents} {that} have {them}, with the number of {them}.",
    "Show the {label} of each {parent} with any {them}, and how many {them} there are.",
    "The number of {them} by {name}, leaving out {parents} without any",
]
PER_PARENT_KO = [
    "{them}이(가) 있는 {parent}의 {label}과(와) {them} 수를 보여 줘.",
    "{them}이(가) 하나 이상 있는 {parent}마다 {label}과(와) {them} 수를 알려주세요.",
    "{name}별로 {them}이(가) 몇 {counter}인지 세어 줘. {them}이(가) 없는 {parent}은(는) 빼 줘.",
    "{them}이(가) 있는 {parent}별 {label} 및 {them} 수는 어떻게 되나요?",
    "{them}이(가) 없는 경우를 제외하고 {name}과(와) {them} 수를 출력해 주세요.",
    "{them}이(가) 있는 {parent}의 {label}별 {them} 수",
]

KINDS = [
    Kind("side_by_side", 7, join.side_by_side, BESIDE_EN, BESIDE_KO),
    Kind("side_by_side_where", 5, join.side_by_side_where, BESIDE_EN, BESIDE_KO),
    Kind("of_parent", 22, join.of_parent, ASK_EN, ASK_KO),
    Kind(
        "of_parent_and",
        1,
        join.of_parent_and,
        [
            "Among the {them}, show the {cols} of those {only}.",
            "Of the {them}, which are the ones {only}? List their {cols}.",
            "Take the {them} and list the {cols} of those {only}.",
            "What are the {cols} of the {them}, counting only those {only}?",
            "From the {them}, find those {only} and return their {cols}.",
            "Consider the {them}. Give the {cols} of those {only}.",
        ],
        ASK_KO,
    ),
    Kind("count_of_parent", 9, join.count_of_parent, COUNT_EN, COUNT_KO),
    Kind("scalar_of_parent", 3, join.scalar_of_parent, SCALAR_EN, SCALAR_KO),
    Kind("count_per_parent", 9, join.count_per_parent, PER_PARENT_EN, PER_PARENT_KO),
    Kind(
        "count_per_every_parent",
        1,
        join.count_per_every_parent,
        [
            "Show the {label} of every {parent} and {its} number of {them}, including {parents} without any.",
            "How many {them} does each {parent} have? List all {parents} by {label}, even those with none.",
            "For all {parents}, give the {label} and the number of {them}, counting 0 where there are none.",
            "List every {name} with the number of {them}, keeping {parents} {that} have none.",
            "Count the {them} of each {parent} by {label}, also for {parents} without {them}.",
            "The number of {them} by {name}, with {parents} without any shown as 0",
        ],
        [
            "{them}이(가) 없는 {parent}까지 포함해서 모든 {parent}의 {label}과(와) {them} 수를 보여 줘.",
            "모든 {parent}의 {label}과(와) {them} 수를 알려주세요. {them}이(가) 없으면 0으로 표시해 주세요.",
            "{name}별 {them} 수를 {them}이(가) 없는 {parent}도 빠짐없이 세어 줘.",
            "전체 {parent}에 대해 {label}과(와) {them} 수는 어떻게 되나요? 없는 경우도 포함해 주세요.",
            "{them}이(가) 하나도 없는 {parent}을(를) 포함하여 {name}과(와) {them} 수를 출력해 주세요.",
            "{them}이(가) 없는 {parent}을(를) 0으로 포함한 {name}별 {them} 수",
        ],
    ),
    Kind(
        "aggregate_per_parent",
        3,
        join.aggregate_per_parent,
        [
            "What is the {agg} of the {them} for each {name}?",
            "Show the {label} of each {parent} and the {agg} of {its} {them}.",
            "For every {parent}, give {its} {label} and the {agg} of {its} {them}.",
            "Calculate the {agg} of {them} per {name}.",
            "List the {names} with the {agg} of their {them}.",
            "The {agg} of the {them} by {name}",
        ],
        [
            "{name}별 {them}의 {agg}을(를) 보여 줘.",
            "각 {parent}의 {label}과(와) {them}의 {agg}은(는) 얼마인가요?",
            "{parent}마다 {label}과(와) {them}의 {agg}을(를) 알려주세요.",
            "{them}의 {agg}을(를) {name}별로 구해 줘.",
            "{name}과(와) 해당 {parent} {them}의 {agg}을(를) 계산해 주세요.",
            "{name}별 {them}의 {agg}",
        ],
    ),
    Kind(
        "having_children",
        3,
        join.having_children,
        [
            "What are the {labels} of the {parents} {that} have {limit} {them}?",
            "List the {labels} of {parents} with {limit} {them}.",
            "Which {parents} have {limit} {them}? Show their {labels}.",
            "Find {parents} with {limit} {them} and give their {labels}.",
            "Show the {label} of every {parent} {that} has {limit} {them}.",
            "The {labels} of all {parents} with {limit} {them}",
        ],
        [
            "{them}이(가) {limit}인 {parent}의 {label}을(를) 보여 줘.",
            "{them} 수가 {limit}인 {parent}의 {label}은(는) 무엇인가요?",
            "{them}이(가) {limit} 있는 {parent}의 {label}을(를) 알려주세요.",
            "어떤 {parent}의 {them} 수가 {limit}인가요? {label}을(를) 알려 줘.",
            "{them} 수가 {limit}인 {parent}의 {label} 좀 알려줄래?",
            "{them} 수가 {limit}인 {parent}의 {label} 목록",
        ],
    ),
    Kind(
        "most_children",
        2,
        join.most_children,
        [
            "What is the {label} of the {parent} with the highest {measure}?",
            "Which {parent} has the highest {measure}? Show the {label}.",
            "Find the {label} of the {parent} {that} has the highest {measure}.",
            "Show the {label} of the top {parent} by {measure}.",
            "I am looking for the {label} of the {parent} with the highest {measure}.",
            "The {label} of the {parent} with the highest {measure}",
        ],
        [
            "{measure}이(가) 가장 {best} {parent}의 {label}은(는) 무엇인가요?",
            "{measure} 기준 1위인 {parent}의 {label}을(를) 알려 줘.",
            "{measure}이(가) 제일 {best} {parent}의 {label}을(를) 보여 주세요.",
            "{measure}이(가) 가장 {best} {parent}을(를) 찾아 {label}을(를) 출력해 줘.",
            "어느 {parent}의 {measure}이(가) 가장 {best}지 {label}(으)로 알려주세요.",
            "{measure}이(가) 가장 {best} {parent}의 {label}",
        ],
    ),
    Kind("first_beside_parent", 1, join.first_beside_parent, BESIDE_FIRST_EN, BESIDE_KO),
    Kind("linked_to", 18, multijoin.linked_to, ASK_EN, ASK_KO),
    Kind(
        "linked_distinct",
        2,
        multijoin.linked_distinct,
        [
            "List the different {cols} of {them}.",
            "Show the {cols} of {them}, without duplicates.",
            "What are the distinct {cols} of the {them}?",
            "Find the {them} and list each of their {cols} once.",
            "Give me the unique {cols} of the {them}.",
            "The {cols} of {them}, each listed once",
        ],
        [
            "{them}의 {cols}을(를) 중복 없이 보여 줘.",
            "{them}의 서로 다른 {cols}을(를) 알려주세요.",
            "{them}의 {cols}은(는) 무엇인가요? 중복은 제외해 주세요.",
            "{them}을(를) 찾아 {cols}을(를) 한 번씩만 출력해 줘.",
            "{them}의 {cols}을(를) 중복 제거해서 뽑아 줄래?",
            "{them}의 {cols} 목록(중복 제외)",
        ],
    ),
    Kind("linked_count", 2, multijoin.linked_count, PER_PARENT_EN, PER_PARENT_KO),
    Kind(
        "linked_pairs",
        3,
        multijoin.linked_pairs,
        [
            "Show the {cols} for {them}.",
            "List the {cols} of all {them}.",
            "For {them}, what are the {cols}?",
            "Find the {them} and give the {cols} of each.",
            "I need the {cols} for each of the {them}.",
            "The {cols} of all {them}",
        ],
        ASK_KO,
    ),
    Kind("two_steps_up", 3, multijoin.two_steps_up, ASK_EN, ASK_KO),
    Kind("both_parents", 1, multijoin.both_parents, BESIDE_EN, BESIDE_KO),
]
