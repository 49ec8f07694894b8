"""Shares of lines and branches that the tests have run, from coverage's JSON file; fails below 95 % of either."""

import json
import sys
from pathlib import Path

LEAST = 95.0
"""Of lines and of branches [%]."""

totals = json.loads(Path(sys.argv[1]).read_text())["totals"]
shares = {"lines": totals["percent_statements_covered"], "branches": totals["percent_branches_covered"]}
print("coverage:", ", ".join(f"{share:.1f} % of {name}" for name, share in shares.items()))
if min(shares.values()) < LEAST:
    sys.exit(f"coverage: at least {LEAST:g} % of either is asked for")
