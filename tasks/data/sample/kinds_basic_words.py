"""The phrasings of plain queries."""

from __future__ import annotations

from tasks.data.sample import kinds_basic as basic
from tasks.data.sample.draw import Kind

# Asking for some columns of some rows, whatever singles these rows out.
ASK_EN = [
    "Show the {cols} of the {them}.",
    "List the {cols} of all {them}.",
    "What are the {cols} of the {them}?",
    "Find all {them} and return their {cols}.",
    "I need the {cols} of {them}.",
    "Give me the {cols} of {them}.",
    "Can you tell me the {cols} of all {them}?",
    "Get the {cols} for {them}.",
    "Look up the {cols} of the {them}.",
    "The {cols} of all {them}",
]
ASK_KO = [
    "{them}의 {cols}을(를) 보여 줘.",
    "{them}의 {cols}을(를) 알려주세요.",
    "{them}의 {cols}은(는) 무엇인가요?",
    "{them}을(를) 모두 찾아서 {cols}을(를) 출력해 주세요.",
    "{them}의 {cols} 목록",
    "{them}의 {cols}을(를) 조회해 줘.",
    "{them}의 {cols} 좀 알려줄래?",
    "{them}의 {cols}이(가) 궁금합니다.",
    "{them} 전체의 {cols}을(를) 뽑아 주세요.",
    "{them}의 {cols}은(는) 뭐야?",
]


KINDS = [
    Kind("by_category", 14, basic.by_category, ASK_EN, ASK_KO),
    Kind("by_number", 12, basic.by_number, ASK_EN, ASK_KO),
    Kind("by_range", 2, basic.by_range, ASK_EN, ASK_KO),
    Kind("by_day", 8, basic.by_day, ASK_EN, ASK_KO),
    Kind("by_text", 4, basic.by_text, ASK_EN, ASK_KO),
    Kind("by_missing", 2, basic.by_missing, ASK_EN, ASK_KO),
    Kind("by_list", 2, basic.by_list, ASK_EN, ASK_KO),
    Kind("by_both", 4, basic.by_both, ASK_EN, ASK_KO),
    Kind("by_either", 2, basic.by_either, ASK_EN, ASK_KO),
    Kind("everything", 2, basic.everything, ASK_EN, ASK_KO),
    Kind(
        "all_columns",
        3,
        basic.all_columns,
        [
            "Show all information about the {them}.",
            "List every column of the {them}.",
            "Give me all the details of {them}.",
            "Return the complete records of all {them}.",
            "I want to see all the data on the {them}.",
            "All details of the {them}",
        ],
        [
            "{them}의 모든 정보를 보여 줘.",
            "{them}에 대한 전체 정보를 알려주세요.",
            "{them}의 모든 열을 출력해 주세요.",
            "{them}의 전체 데이터를 조회해 줘.",
            "{them}의 모든 항목을 볼 수 있을까요?",
            "{them}의 전체 정보",
        ],
    ),
    Kind(
        "look_up",
        7,
        basic.look_up,
        [
            "What is the {col} of {it}?",
            "Show the {col} of {it}.",
            "Tell me the {col} of {it}.",
            "Can you give me the {col} of {it}?",
            "Find the {col} for {it}.",
            "I would like to know the {col} of {it}.",
        ],
        [
            "{it}의 {col}은(는) 무엇인가요?",
            "{it}의 {col}을(를) 알려 줘.",
            "{it}의 {col}이(가) 어떻게 되나요?",
            "{it}의 {col}을(를) 찾아 주세요.",
            "{it}의 {col} 확인해 줘.",
            "{it}의 {col}은(는)?",
        ],
    ),
    Kind(
        "ordered",
        7,
        basic.ordered,
        [
            "List the {cols} of all {them}, sorted {order}.",
            "Show the {cols} of the {them} ordered {order}.",
            "Sort the {them} {order} and show their {cols}.",
            "What are the {cols} of all {them}, ordered {order}?",
            "Give me the {cols} of every one of the {them}, arranged {order}.",
            "The {cols} of all {them}, sorted {order}",
        ],
        [
            "모든 {them}의 {cols}을(를) {order} 보여 줘.",
            "{order} 전체 {them}의 {cols}을(를) 나열해 주세요.",
            "{them}을(를) {order} 나타내고 {cols}을(를) 알려 줘.",
            "모든 {them}의 {cols}을(를) {order} 출력해 주세요.",
            "{them} 전체의 {cols}을(를) {order} 볼 수 있을까요?",
            "{order} 나열한 모든 {them}의 {cols}",
        ],
    ),
    Kind(
        "first_few",
        9,
        basic.first_few,
        [
            "Show the {cols} of the {them}.",
            "What are the {cols} of the {them}?",
            "Find the {them} and give their {cols}.",
            "Which are the {them}? Return their {cols}.",
            "I want the {cols} of the {them}.",
            "The {cols} of the {them}",
        ],
        [
            "{them}의 {cols}을(를) 보여 줘.",
            "{them}의 {cols}은(는) 무엇인가요?",
            "{them}의 {cols}을(를) 알려주세요.",
            "{them}을(를) 찾아 {cols}을(를) 출력해 줘.",
            "{them}의 {cols}만 뽑아 주세요.",
            "{them}의 {cols} 목록",
        ],
    ),
    Kind(
        "distinct",
        6,
        basic.distinct,
        [
            "What different {cols} do the {them} have?",
            "List the distinct {cols} of the {them}.",
            "Show all {cols} that occur among the {them}, without duplicates.",
            "Which unique {cols} are there among the {them}?",
            "Give me each of the {cols} of the {them} only once.",
            "The {cols} found among the {them}, each listed once",
        ],
        [
            "{them}의 {cols}을(를) 중복 없이 보여 줘.",
            "{them}의 {cols}에는 어떤 종류가 있나요? 중복 없이 알려주세요.",
            "서로 다른 {them} {cols}을(를) 모두 나열해 줘.",
            "{them} {cols}의 고유한 값을 알려주세요.",
            "중복을 제거한 {them} {cols} 목록",
            "{them}에 등록된 {cols}을(를) 중복 제거해서 뽑아 줄래?",
        ],
    ),
]
