create or replace table toplist as
    select
        {{ variables.first | sql }}::date as first,
        {{ variables.after | sql }}::date as after,
        artist,
        streams
    from artists
    order by streams desc, artist desc
    limit 10;

copy (select * from toplist order by streams desc, artist desc)
    to {{ (kitchen.data ~ '/top_artists.tsv') | sql }} (delimiter '\t', header false)
