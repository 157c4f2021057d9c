-- The events that a rule reports by itself, so that the rules about any call of root leave them out. The SELECT is made
-- from what these rules say in their metadata: `reports_alone`.
FROM query(select_reported_alone())
