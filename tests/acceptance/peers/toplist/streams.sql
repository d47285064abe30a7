create or replace table streams as
    select
        strptime(regexp_extract(filename, '\d{4}_\d\d_\d\d'), '%Y_%m_%d')::date as day,
        artist
    from read_csv('streams/*.tsv', delim = ' ', header = false, filename = true,
                  columns = {'listener': 'varchar', 'artist': 'varchar', 'track': 'varchar'})
    where day >= {{ variables.first | sql }} and day < {{ variables.after | sql }};

select count(*) as heard, count(distinct day) as days from streams
