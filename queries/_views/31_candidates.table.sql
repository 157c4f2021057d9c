FROM normalised('candidate_rows')
