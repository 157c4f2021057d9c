FROM normalised('candidate_rows')
WHERE NOT is_superseded
