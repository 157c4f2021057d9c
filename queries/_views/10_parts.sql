-- A lake keeps candidates in parts of their own. It brings along which rows those are, and which nobody has looked at.
CREATE VIEW IF NOT EXISTS unclassified_parts AS FROM parts;
CREATE VIEW IF NOT EXISTS classified_parts AS FROM parts WHERE false;
