"""Draws the chart and writes the table, both into $KITCHEN_DATA/report."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

FAIR, ROUGH, INK, QUIET = "#2a7f9e", "#d1495b", "#22303a", "#8a979f"
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.labelcolor": QUIET,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#e4e9ec",
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "ytick.left": False,
}


def main() -> None:
    folder = Path(os.environ["KITCHEN_DATA"]) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(os.environ["KITCHEN_DATABASE"], read_only=True) as database:
        hours = rows(database, "select * from hours order by hour")
        carriers = rows(database, "select * from carriers order by late_share")
        flights = database.execute("select count(*) from departures").fetchall()[0][0]
    late = json.loads(Path(os.environ["KITCHEN_VARIABLES"]).read_text(encoding="utf-8"))["late"]

    chart, table = folder / "delays.png", folder / "carriers.csv"
    draw(chart, hours, carriers, f"{flights:,} flights of 2013: how many left more than {late} minutes late")
    write(table, carriers[::-1])
    answer(
        {
            "chart": f"report/{chart.name}",
            "table": f"report/{table.name}",
            "chart_bytes": chart.stat().st_size,
            "rows": len(carriers),
        }
    )


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The rows of a query, each by column."""
    result = database.execute(query)
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def draw(path: Path, hours: list[dict[str, Any]], carriers: list[dict[str, Any]], subtitle: str) -> None:
    """Two panels: the day from morning to night, and the carriers from the best to the worst."""
    with plt.rc_context(STYLE):
        figure, (day, ranking) = plt.subplots(1, 2, figsize=(13, 6.4), width_ratios=(1.15, 1))
        figure.text(0.04, 0.945, "Who leaves New York late?", fontsize=20, fontweight="bold")
        figure.text(0.04, 0.895, subtitle, fontsize=11, color=QUIET)
        draw_day(day, hours)
        draw_carriers(ranking, carriers)
        figure.subplots_adjust(left=0.04, right=0.97, top=0.79, bottom=0.09, wspace=0.42)
        figure.savefig(path, dpi=144, facecolor="white")
        plt.close(figure)


def draw_day(axes: Axes, hours: list[dict[str, Any]]) -> None:
    """Late departures by hour: one line for fair weather, one for rough, the weather's part between them."""
    by_sky = {
        sky: {row["hour"]: row["late_share"] for row in hours if row["sky"] == sky and row["hour"] >= 5}
        for sky in ("fair", "rough")
    }
    shared = sorted(by_sky["fair"].keys() & by_sky["rough"].keys())
    fair = [by_sky["fair"][hour] for hour in shared]
    rough = [by_sky["rough"][hour] for hour in shared]
    axes.fill_between(shared, fair, rough, color=ROUGH, alpha=0.10, linewidth=0)
    for name, line, colour in (("rain, fog or storm", rough, ROUGH), ("fair weather", fair, FAIR)):
        axes.plot(shared, line, color=colour, linewidth=2.4, marker="o", markersize=4.5, label=name)
    axes.legend(loc="upper left", frameon=False, labelcolor="linecolor", handlelength=1.2)
    axes.set_title("Hour by hour, in fair weather and in rough", loc="left", pad=12, fontsize=12)
    axes.set_xticks(range(6, 24, 3), [f"{hour}:00" for hour in range(6, 24, 3)])
    axes.set_xlabel("scheduled departure")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(0, None)
    axes.grid(visible=False, axis="x")


def draw_carriers(axes: Axes, carriers: list[dict[str, Any]]) -> None:
    """One line a carrier: from its share of late departures in fair weather to that in rough."""
    for place, row in enumerate(carriers):
        fair, rough = row["late_share_fair"], row["late_share_rough"]
        if fair is not None and rough is not None:
            axes.plot((fair, rough), (place, place), color="#c9d3d8", linewidth=3, solid_capstyle="round")
        for share, colour in ((fair, FAIR), (rough, ROUGH)):
            if share is not None:
                axes.plot(share, place, "o", color=colour, markersize=7.5)
    axes.set_yticks(range(len(carriers)), [row["airline"] for row in carriers])
    axes.set_title("Each carrier, from fair weather to rough", loc="left", pad=12, fontsize=12)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(0, None)
    axes.grid(visible=False, axis="y")


def write(path: Path, carriers: list[dict[str, Any]]) -> None:
    """The carriers as CSV, the latest first; shares with four digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(carriers[0]))
        writer.writeheader()
        for row in carriers:
            writer.writerow(
                {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
            )


def answer(outputs: dict[str, object]) -> None:
    """Tells the recipe what came out: one `name=value` a line."""
    with Path(os.environ["KITCHEN_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={json.dumps(value)}\n" for name, value in outputs.items())


if __name__ == "__main__":
    main()
