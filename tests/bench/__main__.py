"""``python -m tests.bench``: what ``make bench`` runs."""

from tests.bench.bench import main

if __name__ == "__main__":
    main()
