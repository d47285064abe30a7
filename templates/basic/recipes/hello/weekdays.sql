-- SQL files are templates: `kitchen.data` is the folder of this kitchen's data.
create or replace table visitors as
select day, visitors, day % 7 as weekday
from read_csv({{ kitchen.data | sql }} || '/hello/visitors.csv');

create or replace table weekdays as
select weekday, count(*) as days, sum(visitors) as visitors, round(avg(visitors), 1) as a_day
from visitors
group by weekday
order by weekday;
