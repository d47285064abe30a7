"""Functional tests: they run at the end of every order run, in gates and in production."""


def test_the_busiest_day_is_the_same_every_week(database):
    """The weekend brings visitors, whatever the number of days."""
    busiest = database.execute("select weekday from weekdays order by a_day desc limit 1").fetchone()
    assert busiest == (6,)


def test_the_raw_file_stays_beside_the_table(data, variables):
    """The file that was counted can be read again: a heading, and one line a day."""
    lines = (data / "hello" / "visitors.csv").read_text().splitlines()
    assert len(lines) == 1 + variables["days"]
