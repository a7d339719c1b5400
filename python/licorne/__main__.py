"""`python -m licorne` is the same command as `licorne`."""

from licorne.cli import main

if __name__ == "__main__":
    main()
