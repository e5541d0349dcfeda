# python3 analyze_call.py call.wav
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")


def call(method, path, body=None, headers=None):
    request = urllib.request.Request(
        BASE_URL + "/api/partner/v1" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["API_KEY"],
            "X-API-Secret": os.environ["API_SECRET"],
            **({} if body is None else {"Content-Type": "application/json"}),
            **(headers or {}),
        },
    )
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as refusal:
        error = json.load(refusal)["error"]
        raise SystemExit(f"{refusal.code} {error['code']}: {error['message']}")


def verify_webhook(raw_body: bytes, signature: str, webhook_secret: str) -> bool:
    """Takes the raw body of the callback, not the parsed JSON."""
    expected = hmac.new(webhook_secret.encode(), raw_body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)


def analyze(path):
    company = call("POST", "/companies/create", {"name": "Test Company", "contact_email": "admin@testcompany.com"})
    company_id = company["company_id"]
    agent = call("POST", f"/companies/{company_id}/agents/create", {"name": "John Doe", "email": "agent@testcompany.com"})
    with open(path, "rb") as recording:
        audio = base64.b64encode(recording.read()).decode()
    job = call(
        "POST",
        "/calls/analyze",
        {"audio_file": audio, "company_id": company_id, "agent_id": agent["agent_id"], "call_type": "support"},
        # The same key again gives the same job, so it is safe to send this twice.
        {"X-Idempotency-Key": str(uuid.uuid4())},
    )
    while True:
        state = call("GET", f"/jobs/{job['job_id']}/status")
        if state["status"] == "completed":
            return state["results"]
        if state["status"] not in ("queued", "processing"):
            raise SystemExit(state["error_message"])
        time.sleep(1)


if __name__ == "__main__":
    results = analyze(sys.argv[1])
    print(results["transcript"])
    print("score:", results["overall_score"])
