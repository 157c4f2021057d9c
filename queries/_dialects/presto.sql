-- Functions of Athena and CloudTrail Lake, after "Functions and operators" of the Trino documentation. They are in a schema of
-- their own; a call without one is of DuckDB's function.

-- Maps and lists: a list counts from 1, and from its end below 0.
CREATE SCHEMA presto;

CREATE MACRO presto.element_at(container, key) AS container[key];
CREATE MACRO presto.arbitrary(x) AS any_value(x);
CREATE MACRO presto.approx_distinct(x) AS approx_count_distinct(x);
CREATE MACRO presto.array_join(list, separator) AS array_to_string(list, separator);
CREATE MACRO presto.array_sort(list) AS list_sort(list);
CREATE MACRO presto.map_agg(key, value) AS map(list(key), list(value));


-- JSON -----------------------------------------------------------------------------------------------------------------

-- `$.a["b-c"]` is written `$.a."b-c"` in DuckDB. A path alone names a member, and has no brackets to change.
CREATE MACRO presto.json_path(path) AS regexp_replace(CAST(path AS VARCHAR), '\[["'']([^"'']*)["'']\]', '."\1"', 'g');
CREATE MACRO presto.json_extract(document, path) AS TRY(json_extract(document, presto.json_path(path)));
-- NULL for a list or an object, which are no scalars.
CREATE MACRO presto.json_extract_scalar(document, path) AS CASE
    WHEN coalesce(TRY(json_type(document, presto.json_path(path))), 'NULL') IN ('NULL', 'ARRAY', 'OBJECT') THEN NULL
    ELSE TRY(json_extract_string(document, presto.json_path(path)))
END;
CREATE MACRO presto.json_parse(document) AS CAST(document AS JSON);
CREATE MACRO presto.json_format(document) AS CAST(document AS VARCHAR);
CREATE MACRO presto.json_array_get(document, index) AS TRY(json_extract(
    document, '$[' || CASE WHEN index < 0 THEN '#' ELSE '' END || index || ']'
));
CREATE MACRO presto.json_size(document, path) AS coalesce(
    nullif(TRY(json_array_length(document, presto.json_path(path))), 0), len(TRY(json_keys(document, presto.json_path(path)))), 0
);
CREATE MACRO presto.json_array_contains(document, value) AS list_contains(
    TRY(json_extract_string(document, '$[*]')), CAST(value AS VARCHAR)
);


-- Text -----------------------------------------------------------------------------------------------------------------

CREATE MACRO presto.to_utf8(value) AS encode(value);
CREATE MACRO presto.regexp_like(value, pattern) AS regexp_matches(value, pattern);
CREATE MACRO presto.regexp_extract
    (value, pattern) AS nullif(regexp_extract(value, pattern), ''),
    (value, pattern, part) AS nullif(regexp_extract(value, pattern, part), '');
-- All places, not the first alone; `$1` is a group.
CREATE MACRO presto.regexp_replace
    (value, pattern) AS regexp_replace(value, pattern, '', 'g'),
    (value, pattern, replacement) AS regexp_replace(
        value, pattern, regexp_replace(replacement, '\$([0-9])', '\\\1', 'g'), 'g'
    ),
    (value, pattern, replacement, options) AS regexp_replace(value, pattern, replacement, options);
CREATE MACRO presto.replace
    (value, source) AS replace(value, source, ''),
    (value, source, target) AS replace(value, source, target);


-- Time -----------------------------------------------------------------------------------------------------------------

CREATE MACRO presto.from_iso8601_timestamp(moment) AS CAST(moment AS TIMESTAMPTZ);
CREATE MACRO presto.from_iso8601_date(day) AS CAST(day AS DATE);
CREATE MACRO presto.to_iso8601(moment) AS strftime(CAST(moment AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ');
CREATE MACRO presto.from_unixtime(seconds) AS to_timestamp(seconds);
CREATE MACRO presto.to_unixtime(moment) AS epoch(moment);
CREATE MACRO presto.day_of_week(moment) AS isodow(CAST(moment AS TIMESTAMP));
CREATE MACRO presto.day_of_month(moment) AS day(CAST(moment AS TIMESTAMP));
CREATE MACRO presto.day_of_year(moment) AS dayofyear(CAST(moment AS TIMESTAMP));
CREATE MACRO presto.date_add
    (moment, duration) AS date_add(moment, duration),
    (unit, number, moment) AS moment + number * CASE lower(unit)
        WHEN 'millisecond' THEN INTERVAL 1 MILLISECOND
        WHEN 'second' THEN INTERVAL 1 SECOND
        WHEN 'minute' THEN INTERVAL 1 MINUTE
        WHEN 'hour' THEN INTERVAL 1 HOUR
        WHEN 'day' THEN INTERVAL 1 DAY
        WHEN 'week' THEN INTERVAL 7 DAY
        WHEN 'month' THEN INTERVAL 1 MONTH
        WHEN 'quarter' THEN INTERVAL 3 MONTH
        WHEN 'year' THEN INTERVAL 1 YEAR
        ELSE error('date_add: no unit ' || unit)
    END;
-- DuckDB wants formats to be constant, and tries that when a macro is made, where the types of arguments are known: hence
-- no cast of a moment, and `|| ''`. MySQL's letters, of which these are others in DuckDB.
CREATE MACRO presto.mysql_format(form) AS replace(replace(replace(replace(replace(replace(replace(replace(replace(
    CAST(form AS VARCHAR), '%M', '%B'), '%i', '%M'), '%s', '%S'), '%h', '%I'), '%T', '%H:%M:%S'), '%e', '%-d'), '%c', '%-m'),
    '%k', '%-H'), '%W', '%A');
CREATE MACRO presto.date_format(moment, form) AS strftime(moment, presto.mysql_format(form));
CREATE MACRO presto.date_parse(value, form) AS strptime(value || '', presto.mysql_format(form));
-- Joda's letters, as far as they write a date and a time.
CREATE MACRO presto.joda_format(form) AS replace(replace(replace(replace(replace(replace(replace(
    CAST(form AS VARCHAR), 'yyyy', '%Y'), 'MM', '%m'), 'dd', '%d'), 'HH', '%H'), 'mm', '%M'), 'ss', '%S'), '''', '');
CREATE MACRO presto.format_datetime(moment, form) AS strftime(moment, presto.joda_format(form));
CREATE MACRO presto.parse_datetime(value, form) AS CAST(strptime(value || '', presto.joda_format(form)) AS TIMESTAMPTZ);
