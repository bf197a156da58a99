"""What the gate promotes over many nights: by luck, and of models that are truly better.

Simulated nights on fixed evaluation rows. A row has a difficulty; each model is right on it with a chance that
follows from the difficulty and the model's skill. Two models of the same skill differ on about a quarter of
the rows, as two trainings with different seeds do. Peers on the same simulated nights: the same test at the
full level every night, and "the higher figure wins".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binom

from benchmarks.record import quick_asked, record, show
from tasks.scoring.config import GateConfig
from tasks.scoring.gate import promotion_level
from tasks.scoring.statistics import mcnemar_p

LEVEL: float = GateConfig().p_value
ACCURACY = 0.6
NIGHTS = 100
Rule = Callable[[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]], NDArray[np.bool_]]


def shared_level(right: NDArray[np.int_], wrong: NDArray[np.int_], trial: NDArray[np.int_]) -> NDArray[np.bool_]:
    """The gate's rule: each trial against a champion has its share of the level."""
    levels = np.array([promotion_level(LEVEL, n) for n in range(1, NIGHTS + 1)])
    return (right > wrong) & (p_values(right, wrong) <= levels[trial - 1])


def full_level(right: NDArray[np.int_], wrong: NDArray[np.int_], trial: NDArray[np.int_]) -> NDArray[np.bool_]:
    """The same test at the full level every night."""
    return (right > wrong) & (p_values(right, wrong) <= LEVEL)


def higher_figure(right: NDArray[np.int_], wrong: NDArray[np.int_], trial: NDArray[np.int_]) -> NDArray[np.bool_]:
    """No test."""
    return right > wrong


RULES: dict[str, Rule] = {
    "test, level shared (ours)": shared_level,
    "test, full level each night": full_level,
    "higher figure wins": higher_figure,
}
PLAIN = {
    "test, level shared (ours)": "ours",
    "test, full level each night": "full_level",
    "higher figure wins": "higher",
}


def p_values(right: NDArray[np.int_], wrong: NDArray[np.int_]) -> NDArray[np.float64]:
    """`mcnemar_p` for arrays."""
    p: NDArray[np.float64] = np.minimum(1.0, 2 * binom.cdf(np.minimum(right, wrong), right + wrong, 0.5))
    return p


def difficulties(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A chance for each row to be answered right, `ACCURACY` in the mean; many rows are easy or hopeless."""
    return random.beta(ACCURACY, 1 - ACCURACY, shape)


def skill_for(gain: float) -> float:
    """How far all rows have to move on the logit scale for accuracy to rise by `gain`."""
    chances = difficulties(np.random.default_rng(1), (200_000,)).clip(1e-9, 1 - 1e-9)
    return float(brentq(lambda skill: expit(logit(chances) + skill).mean() - ACCURACY - gain, -1, 5))


def nights_without_progress(rule: Rule, rows: int, histories: int, random: np.random.Generator) -> tuple[float, float]:
    """A hundred nights of challengers with the champion's skill.

    Returns:
        The share of histories in which anything was promoted, and promotions in a history on average.
    """
    chances = difficulties(random, (histories, rows))
    champion = random.random(chances.shape) < chances
    trial = np.ones(histories, dtype=int)
    promotions = np.zeros(histories, dtype=int)
    for _ in range(NIGHTS):
        challenger = random.random(chances.shape) < chances
        right, wrong = (challenger & ~champion).sum(axis=1), (champion & ~challenger).sum(axis=1)
        promoted = rule(right, wrong, trial)
        champion[promoted] = challenger[promoted]
        promotions += promoted
        trial = np.where(promoted, 1, trial + 1)
    return float((promotions > 0).mean()), float(promotions.mean())


def power(rule: Rule, rows: int, gain: float, trial: int, histories: int, random: np.random.Generator) -> float:
    """How often a challenger that is better by `gain` is promoted as number `trial` of its champion."""
    skill, found = skill_for(gain), 0
    for _ in range(histories // 500):
        chances = difficulties(random, (500, rows)).clip(1e-9, 1 - 1e-9)
        champion = random.random(chances.shape) < chances
        challenger = random.random(chances.shape) < expit(logit(chances) + skill)
        right, wrong = (challenger & ~champion).sum(axis=1), (champion & ~challenger).sum(axis=1)
        found += int(rule(right, wrong, np.full(500, trial)).sum())
    return found / (histories // 500 * 500)


def main() -> None:
    """Print both tables and record their figures."""
    quick = quick_asked(__doc__)
    histories = 500 if quick else 4_000
    assert np.allclose(p_values(np.array([8, 13]), np.array([2, 30])), [mcnemar_p(8, 2), mcnemar_p(13, 30)])
    figures: dict[str, float | int | str | None] = {"configured_level": LEVEL, "nights": NIGHTS, "histories": histories}
    luck: list[dict[str, str | int]] = []
    for name, rule in RULES.items():
        for rows in (112, 500):
            ever, promotions = nights_without_progress(rule, rows, histories, np.random.default_rng(rows))
            luck.append(
                {
                    "rule": name,
                    "rows": rows,
                    "any false promotion": f"{ever:.1%}",
                    "false promotions": f"{promotions:.2f}",
                }
            )
            figures[f"false_any_{PLAIN[name]}_{rows}_rows"] = round(ever, 4)
            figures[f"false_per_{NIGHTS}_nights_{PLAIN[name]}_{rows}_rows"] = round(promotions, 3)
    show(f"No true difference, {NIGHTS} nights (level {LEVEL:.0%})", luck)
    table: list[dict[str, str | int]] = []
    for rows in (112, 500, 2_000):
        for gain in (0.03, 0.05, 0.10):
            line: dict[str, str | int] = {"rows": rows, "true gain": f"{100 * gain:.0f} points"}
            for name, rule in RULES.items():
                for trial in (1, 30) if rule is shared_level else (1,):
                    seen = power(rule, rows, gain, trial, histories, np.random.default_rng(rows + trial))
                    line[name + (f", night {trial}" if rule is shared_level else "")] = f"{seen:.0%}"
                    key = f"power_{PLAIN[name]}_{rows}_rows_{100 * gain:.0f}_points_trial_{trial}"
                    figures[key] = round(seen, 3)
            table.append(line)
    show("Chance that a truly better challenger is promoted", table)
    record("promotion", figures, ["scipy", "numpy"], quick)


if __name__ == "__main__":
    main()
