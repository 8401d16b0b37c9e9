"""The command `mcr`, which is also `python -m mcr`: mcr COMMAND [FLAGS ...]; mcr --help lists the commands."""

from mcr.commands.dispatch import main

if __name__ == "__main__":
    main()
