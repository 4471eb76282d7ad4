"""The boxes' position program: `requests`, urlencoded, a new connection for each post, 0.95 s between answer and next post.

Its argument is JSON: `url`, `codes` (of the boxes), `seconds`, `originS` (when the boxes were at their first place, seconds
since 1970: they drive on between two runs, because a jump is not stored). It prints `ready`, starts with a line on stdin, and prints
JSON: `statuses` (answers by status; others by the name of the error), `latenciesMs`, `byBox` (answers with 200 by code).
"""

import collections
import json
import random
import sys
import threading
import time

import requests

ROUTE = "/api/tracking/postAmbulanceTracking"
PAUSE_S = 0.95
CONNECT_S = 3
ANSWER_S = 2
# Degrees of latitude a second: 11 m/s.
STEP = 1e-4


class Box(threading.Thread):
    def __init__(self, options, code, number):
        super().__init__()
        self.url = options["url"] + ROUTE
        self.code = code
        self.seconds = options["seconds"]
        self.origin_s = options["originS"]
        self.number = number
        self.statuses = collections.Counter()
        self.latencies_ms = []

    def run(self):
        # The boxes do not send in step.
        time.sleep(random.random() * PAUSE_S)
        start = time.monotonic()
        while time.monotonic() - start < self.seconds:
            self.post(time.time() - self.origin_s)
            time.sleep(PAUSE_S)

    def post(self, passed_s):
        fix = {
            "tracking_heading": 0.0,
            "tracking_latitude": 13.5 + self.number * 0.01 + passed_s * STEP,
            "ambulance_id": self.code,
            "tracking_longitude": 100.5,
            "ambulance_box_code": self.code,
            "tracking_speed": 11.1,
        }
        sent = time.monotonic()
        try:
            outcome = requests.post(self.url, data=fix, timeout=(CONNECT_S, ANSWER_S)).status_code
        except requests.RequestException as error:
            outcome = type(error).__name__
        self.latencies_ms.append((time.monotonic() - sent) * 1000)
        self.statuses[str(outcome)] += 1


def main():
    options = json.loads(sys.argv[1])
    boxes = [Box(options, code, n) for n, code in enumerate(options["codes"])]
    print("ready", flush=True)
    sys.stdin.readline()
    for box in boxes:
        box.start()
    for box in boxes:
        box.join()
    result = {
        "statuses": sum((box.statuses for box in boxes), collections.Counter()),
        "latenciesMs": [each for box in boxes for each in box.latencies_ms],
        "byBox": {box.code: box.statuses["200"] for box in boxes},
    }
    print(json.dumps(result), flush=True)


main()
