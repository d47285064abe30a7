-- One typed table a file. The files write a missing value as NA.
create or replace table airlines as
select carrier, name
from read_csv({{ kitchen.data | sql }} || '/raw/airlines.csv', all_varchar = true);

create or replace table airports as
select faa, name, lat::double as lat, lon::double as lon
from read_csv({{ kitchen.data | sql }} || '/raw/airports.csv', all_varchar = true, nullstr = 'NA');

create or replace table planes as
select tailnum, year::integer as built, manufacturer, model, seats::integer as seats
from read_csv({{ kitchen.data | sql }} || '/raw/planes.csv', all_varchar = true, nullstr = 'NA');

create or replace table weather as
select
    origin,
    strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ') as hour_utc,
    precip::double as rain,              -- inches in the hour
    visib::double as visibility,         -- miles, at most 10
    wind_speed::double as wind           -- miles an hour
from read_csv({{ kitchen.data | sql }} || '/raw/weather.csv', all_varchar = true, nullstr = 'NA');

create or replace table flights as
select
    make_date(year::integer, month::integer, day::integer) as day,
    hour::integer as hour,               -- of the scheduled departure, local time
    minute::integer as minute,
    strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ') as hour_utc,
    dep_delay::integer as dep_delay,     -- minutes; missing when the flight was cancelled
    arr_delay::integer as arr_delay,
    carrier, flight::integer as flight, tailnum, origin, dest,
    air_time::integer as air_time,       -- minutes
    distance::integer as distance        -- miles
from read_csv({{ kitchen.data | sql }} || '/raw/flights.csv', all_varchar = true, nullstr = 'NA');
