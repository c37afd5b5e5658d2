"""`python -m msgsim` is the command line."""

from msgsim.cli import main

if __name__ == "__main__":
    main()
