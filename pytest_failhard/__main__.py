"""`python -I -m pytest_failhard`: the `failhard` command where no script folder is on the path."""

from pytest_failhard.cli import main

if __name__ == "__main__":
    main()
