"""Sources of log objects: S3, files, directories, standard input."""
