"""What spark-submit starts: the command line, with the arguments of the job."""

from detector.__main__ import main

if __name__ == "__main__":
    main()
