"""`python -m instructcir` is the `instructcir` command."""

from __future__ import annotations

from instructcir.cli.main import main

if __name__ == "__main__":
    main()
