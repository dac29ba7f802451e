"""`python -m cistron` and the installed command `cistron`."""

from cistron.cli.main import main

if __name__ == "__main__":
    main()
