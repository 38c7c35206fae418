"""Squares numbers: one JSON array a line in, one out."""
import json
import sys

for line in sys.stdin:
    numbers = json.loads(line)
    print(json.dumps([n * n for n in numbers]), flush=True)
