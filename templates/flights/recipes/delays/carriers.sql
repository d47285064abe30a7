-- One row a carrier: how often it leaves late, in fair weather and in rough.
create or replace table carriers as
select
    carrier,
    any_value(airline) as airline,
    count(*) as flights,
    avg(cancelled::integer) as cancelled_share,
    coalesce(avg(late::integer) filter (not cancelled), 0) as late_share,
    avg(late::integer) filter (not cancelled and sky = 'fair') as late_share_fair,
    avg(late::integer) filter (not cancelled and sky = 'rough') as late_share_rough,
    median(dep_delay) as median_delay,
    quantile_cont(dep_delay, 0.9) as delay_of_one_in_ten
from departures
group by carrier
order by late_share desc, carrier;
