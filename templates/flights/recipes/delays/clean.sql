-- One row a flight, with its airline, plane, airports and the weather at its scheduled hour.
create or replace table departures as
select
    flights.day, flights.hour, flights.minute, flights.flight, flights.tailnum,
    flights.carrier, airlines.name as airline,
    flights.origin, flights.dest, airports.name as destination,
    flights.air_time, flights.distance, planes.built, planes.seats,
    flights.dep_delay, flights.arr_delay,
    flights.dep_delay is null as cancelled,
    coalesce(flights.dep_delay > {{ variables.late }}, false) as late,
    weather.rain, weather.visibility, weather.wind,
    case
        when weather.visibility is null then 'unknown'
        when weather.rain > 0 or weather.visibility < 5 or weather.wind >= 25 then 'rough'
        else 'fair'
    end as sky
from flights
left join airlines using (carrier)
left join planes using (tailnum)
left join airports on airports.faa = flights.dest
left join weather on weather.origin = flights.origin and weather.hour_utc = flights.hour_utc;
