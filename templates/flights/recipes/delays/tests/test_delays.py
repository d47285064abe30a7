"""Functional tests: they run at the end of every order run, in gates and in production."""

import csv


def test_evenings_are_worse_than_mornings(database):
    """Who leaves in the evening waits longer than who leaves in the morning."""
    late = dict(database.execute("select part, late_share from parts").fetchall())
    assert late["evening"] > late["morning"]


def test_rough_weather_delays_flights(database):
    """Rain, fog and storms make flights late more often than a fair sky does."""
    late = dict(
        database.execute(
            "select sky, avg(late::integer) from departures where not cancelled group by sky"
        ).fetchall()
    )
    assert late["rough"] > late["fair"]


def test_the_report_is_there(data):
    """The report is a PNG that opens, and a table with a line for each carrier."""
    report = data / "report"
    assert (report / "delays.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with (report / "carriers.csv").open(newline="", encoding="utf-8") as file:
        carriers = list(csv.DictReader(file))
    assert 14 <= len(carriers) <= 16
    assert all(0 <= float(row["late_share"]) <= 1 for row in carriers)


def test_the_full_variation_leaves_nothing_out(database, variables):
    """Without sampling every flight of the year is counted."""
    if variables["sample"] == 1.0:
        assert database.execute("select count(*) from departures").fetchone() == (336776,)
