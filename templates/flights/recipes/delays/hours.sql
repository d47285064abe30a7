-- One row an hour of the scheduled departure and kind of weather.
create or replace table hours as
select
    hour,
    sky,
    count(*) as flights,
    avg(late::integer) as late_share,
    avg(dep_delay) as mean_delay,
    avg(rain) as rain,
    avg(visibility) as visibility,
    avg(wind) as wind
from departures
where not cancelled and sky <> 'unknown'
group by hour, sky
order by hour, sky;
