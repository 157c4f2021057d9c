"""Where log objects come from: S3, files, directories, standard input."""
