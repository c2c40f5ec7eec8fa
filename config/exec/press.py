#!/usr/bin/env python3
# An example for the driver `exec`, mode keep, format json: prints a reading whenever there is one.
# Try it: vigilectl drivers test --mode keep --format json --runs 3 -- config/exec/press.py
import json
import math
import os
import sys
import time

machine = os.environ.get("VIGILE_EQUIPMENT_ID", "press")
print("started for equipment", machine, file=sys.stderr)
stroke = 0
while True:
    stroke += 1
    force = 1200 + 50 * math.sin(stroke / 10)  # a real one would ask the machine
    print(json.dumps({"measurement": "press", "tags": {"tool": "A4"},
                      "values": {"force": round(force, 1), "strokes": stroke, "guard_closed": True}}), flush=True)
    time.sleep(0.2)
