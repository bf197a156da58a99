"""The night on one HTML page that needs nothing else: styles and plots are inside it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.reporting import history_plots, plots, tables
from tasks.reporting.history import MEASURES, History, versions
from tasks.reporting.night import Night
from tasks.reporting.shown import KOREAN_NOTE, accuracy_table, duration, history_sentence, history_table

SHOWN_NIGHTS = 14
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Picture:
    """A plot as two PNGs, and its caption; the browser takes the one that suits its colour scheme."""

    png: bytes
    png_dark: bytes
    says: str

    @property
    def light(self) -> str:
        """The light one as a data URI."""
        return data_uri(self.png)

    @property
    def dark(self) -> str:
        """The dark one as a data URI."""
        return data_uri(self.png_dark)


def picture(says: str, draw: Callable[[plots.Dress], bytes]) -> Picture:
    """Draw a plot in both dresses; `says` is its caption."""
    return Picture(draw(plots.LIGHT), draw(plots.DARK), says)


def data_uri(png: bytes) -> str:
    """A PNG as a URI that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def render(template: str, **values: Any) -> str:
    """A template of this room filled in; what is filled in is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def render_page(night: Night, history: History, trends: dict[str, Picture], most_examples: int) -> str:
    """The page as text.

    Args:
        night: the night.
        history: what `read_history` returns, this night included.
        trends: what `history_pictures` returns.
        most_examples: answers shown of each sort.
    """
    return render(
        "report.html",
        night=night,
        korean_note=KOREAN_NOTE if night.bundled else "",
        duration=duration(night.seconds),
        pictures=_pictures(night) | trends,
        history_sentence=history_sentence(history),
        nights=history_table(history, SHOWN_NIGHTS).to_dict("records"),
        by_language=accuracy_table(night, "language"),
        by_kind=accuracy_table(night, "complexity"),
        outcomes=tables.outcomes(night.models),
        examples={title: rows.to_dict("records") for title, rows in tables.examples(night, most_examples).items()},
        reasons=tables.reasons(night.data),
        quarantine_groups=tables.quarantine_groups(night.data),
        training=tables.figures(night.refs.adapter),
        memory=tables.memory(night),
        parity=tables.figures(night.refs.parity),
        confusion=tables.confusion(night.agreement) if night.agreement else None,
        judgements=tables.judgements(night),
        stages=tables.stages(night.refs),
        versions=versions(),
        config=yaml.safe_dump(night.refs.config, sort_keys=False, allow_unicode=True),
    )


def history_pictures(history: History) -> dict[str, Picture]:
    """How the nights went: 'history' (accuracy) and 'duration' from two nights on, 'cost' where a judge was paid."""
    recent = history.last(history_plots.MOST_NIGHTS)
    if len(recent.nights) < 2:
        return {}
    drawn = {}
    if recent.accuracy[MEASURES].notna().any(axis=None):
        groups = list(recent.accuracy["group"].unique())[: history_plots.MOST_PANELS]
        says = "Execution accuracy with its 95% interval, night by night" + renamed(
            plots.latin(groups, "language"), groups
        )
        drawn["history"] = picture(says, lambda dress: history_plots.accuracy(recent, dress))
    says = "Time of what each night made (what was reused took none), and of the whole night"
    drawn["duration"] = picture(says, lambda dress: history_plots.duration(recent, dress))
    if recent.nights["usd"].any():
        drawn["cost"] = picture("Paid to the judge", lambda dress: history_plots.cost(recent, dress))
    return drawn


def _pictures(night: Night) -> dict[str, Picture]:
    by_language, by_kind = (tables.comparison(night.models, by) for by in ("language", "complexity"))
    composition = tables.composition(night.data)
    drawn = {
        "language": picture("Execution accuracy by language", lambda dress: plots.accuracy(by_language, dress)),
        "kind": picture("Execution accuracy by kind of query", lambda dress: plots.accuracy(by_kind, dress)),
        "subset": picture(
            composition_caption(composition, plots.BEFORE_AND_AFTER),
            lambda dress: plots.composition(composition, plots.BEFORE_AND_AFTER, dress),
        ),
        "split": picture(
            composition_caption(composition, plots.SPLIT),
            lambda dress: plots.composition(composition, plots.SPLIT, dress),
        ),
    }
    if night.losses:
        drawn["loss"] = picture("Training loss", lambda dress: plots.loss(night.losses, dress))
    return drawn


def composition_caption(rows: pd.DataFrame, panels: plots.Panels) -> str:
    """What the plots show, with the domains whose names the plots cannot write."""
    domains = plots.domain_order(plots.shown(rows, panels))
    titles = " and ".join(title for title, _ in panels)
    return f"{titles.capitalize()} by domain and kind of query" + renamed(plots.latin(domains, "domain"), domains)


def renamed(drawn: Iterable[str], names: Iterable[str]) -> str:
    """What a caption adds for the names that a plot writes otherwise: ' (domain 1: 퀘스트)', or nothing."""
    told = "; ".join(f"{label}: {name}" for label, name in zip(drawn, names, strict=True) if label != name)
    return f" ({told})" if told else ""
