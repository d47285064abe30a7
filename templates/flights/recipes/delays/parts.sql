-- The parts of the day, by the hour of the scheduled departure: from `starts` up to, not including, `ends`.
create or replace table parts as
with day_parts (part, starts, ends) as (
    values
        ('night', 0, 5),
        ('morning', 5, 12),
        ('afternoon', 12, 17),
        ('evening', 17, 24)
)
select
    part, starts, ends,
    count(departures.day) as flights,
    avg(cancelled::integer) as cancelled_share,
    avg(late::integer) filter (not cancelled) as late_share,
    quantile_cont(dep_delay, 0.9) as delay_of_one_in_ten
from day_parts
left join departures on departures.hour >= starts and departures.hour < ends
group by part, starts, ends
order by starts;
