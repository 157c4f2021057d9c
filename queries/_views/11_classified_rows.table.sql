-- Few rows in many files, which would be opened anew by each that reads them. In an order of their own, since keeping
-- that of the files costs as much again as reading them.
FROM classified_parts ORDER BY eventTime, logFile, logFileIndex
