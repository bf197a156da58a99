"""Korean particles, chosen by the sound that the word before them ends in."""

from __future__ import annotations

import re

# What a text is written with, and its forms after a consonant and after a vowel.
PARTICLES = {
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "과(와)": ("과", "와"),
    "(으)로": ("으로", "로"),
    "(이)라도": ("이라도", "라도"),
    "(이)야": ("이야", "야"),
}
_MARK = re.compile(r"(?P<word>[^\s'\"]+)(?P<quote>['\"]?)(?P<mark>" + "|".join(map(re.escape, PARTICLES)) + ")")
# Digits and units as they are read: 3 is 삼, 10 is 십, kg is 킬로그램, km is 킬로미터.
_FINALS = {"0": "ㅇ", "1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ", "g": "ㅁ"}


def final_sound(word: str) -> str:
    """The consonant that a word ends in when read aloud, '' after a vowel; 'ㅇ' stands for most of them."""
    last = word[-1].lower()
    if "가" <= last <= "힣":
        index = (ord(last) - ord("가")) % 28
        return "" if index == 0 else "ㄹ" if index == 8 else "ㅇ"
    return _FINALS.get(last, "")


def with_particles(text: str) -> str:
    """Replace every marked particle, "문(을)를" being written "문을(를)", by the form that fits."""

    def fit(match: re.Match[str]) -> str:
        after_consonant, after_vowel = PARTICLES[match["mark"]]
        final = final_sound(match["word"])
        as_vowel = not final or (final == "ㄹ" and match["mark"] == "(으)로")
        return match["word"] + match["quote"] + (after_vowel if as_vowel else after_consonant)

    return _MARK.sub(fit, text)
