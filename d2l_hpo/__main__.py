"""Look at a search: `python -m d2l_hpo show search.jsonl`."""
import sys

from d2l_hpo.pages.command import main

if __name__ == "__main__":
    sys.exit(main())
