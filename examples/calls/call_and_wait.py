#!/usr/bin/env python3
"""Starts a call, waits until it is over, and shows the newest calls. Python 3.8 or newer, standard library only.

    API_KEY=ak_... API_SECRET=as_... python3 call_and_wait.py [phone] [name]
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE_URL = os.environ.get("BASE_URL", "http://localhost:3000")
HEADERS = {"X-API-Key": os.environ.get("API_KEY", ""), "X-API-Secret": os.environ.get("API_SECRET", "")}
WAIT_SECONDS = 120


def ask(method, path, body=None):
    """Asks the API; a limit is waited for, other errors end the program with what the answer says."""
    headers = dict(HEADERS)
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE_URL}/api/v1{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["data"]
    except urllib.error.HTTPError as error:
        answer = error.read()
        if error.code == 429 and method == "GET":
            time.sleep(int(error.headers.get("Retry-After", "1")))
            return ask(method, path)
        sys.exit(f"{method} {path}: {error.code} {answer.decode(errors='replace')}")


def main():
    phone = sys.argv[1] if len(sys.argv) > 1 else "+15005550004"
    name = sys.argv[2] if len(sys.argv) > 2 else "John Doe"
    call_id = ask("POST", "/calls", {"name": name, "phone": phone, "callType": "outbound"})["callId"]
    print("call", call_id)

    status = None
    ends_at = time.monotonic() + WAIT_SECONDS
    while status not in ("ended", "failed"):
        if time.monotonic() > ends_at:
            ask("POST", f"/calls/{call_id}/end")
        call = ask("GET", f"/calls/{call_id}")
        if call["status"] != status:
            status = call["status"]
            print(status)
        time.sleep(1)
    print(f"{call['reason']} after {call['duration']} s")

    query = urllib.parse.urlencode({"customerName": name, "limit": 5})
    for row in ask("GET", f"/call-logs?{query}")["calls"]:
        print(row["startTime"], row["ani"], row["customerName"], row["status"], row["reason"], row["duration"])


if __name__ == "__main__":
    main()
