CREATE VIEW candidate_parts AS
FROM unclassified_parts
UNION ALL
FROM classified_rows;
