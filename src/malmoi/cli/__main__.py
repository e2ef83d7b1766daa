"""`python -m malmoi.cli`."""

from malmoi.cli.main import main

main()
