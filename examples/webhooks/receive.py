# python3 receive.py: a receiver of webhooks that needs nothing installed (Python 3.8+)
import base64
import hashlib
import hmac
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300
BODY_BYTES_MAX = 10_000_000


def verify(body, headers, secrets, now=None):
    """Raises ValueError when `body` is not what the owner of one of `secrets` signed a moment ago.

    `body` are the bytes as they came: JSON that was parsed and printed again is not the same bytes.
    """
    id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not id or not timestamp or not signatures:
        raise ValueError("a webhook header is missing")
    # What is old may be a recording that somebody plays again.
    now = time.time() if now is None else now
    if not re.fullmatch(r"[0-9]+", timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("the timestamp is too far from now")
    signed = f"{id}.{timestamp}.".encode() + body
    # Several while a secret is rotated, and other kinds (v1a) beside them; one that fits is enough.
    given = [one[3:] for one in signatures.split(" ") if one.startswith("v1,")]
    for secret in secrets:
        key = base64.b64decode(secret[len("whsec_"):] if secret.startswith("whsec_") else secret)
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        if any(hmac.compare_digest(expected, one.encode()) for one in given):
            return
    raise ValueError("no signature fits")


class Inbox:
    """Says whether a message is new, and where its sequence has a gap. A real receiver keeps this in its database."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = set()
        self.last = 0

    def note(self, id, sequence):
        with self.lock:
            if id in self.seen:
                return False, None
            self.seen.add(id)
            # A later attempt may come after newer messages: what is behind is late, not missing.
            is_gap = 0 < self.last < sequence - 1
            missing = f"{self.last + 1} to {sequence - 1}" if is_gap else None
            self.last = max(self.last, sequence)
            return True, missing


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secrets = []
    inbox = Inbox()

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)
        try:
            verify(body, self.headers, self.secrets)
        except ValueError as error:
            print(f"refused: {error}", flush=True)
            return self.answer(400)
        id, sequence = self.headers["webhook-id"], int(self.headers.get("webhook-sequence", 0))
        is_new, missing = self.inbox.note(id, sequence)
        # First the answer, then the work: what takes longer than 30 seconds is sent again. A real receiver puts the
        # message into a queue or table of its own before it answers.
        self.answer(204)
        if missing:
            print(f"gap: {missing} not here yet; see the feed of the endpoint", flush=True)
        if not is_new:
            return print(f"repeat: {id}", flush=True)
        message = json.loads(body)
        data = json.dumps(message["data"], ensure_ascii=False)
        print(f"webhook {sequence}: {message['type']} {data}", flush=True)

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    # The new one and the old one while a secret is rotated, divided by a space.
    Receiver.secrets = os.environ.get("WEBHOOK_SECRET", "").split()
    if not Receiver.secrets:
        raise SystemExit("set WEBHOOK_SECRET to the secret of the endpoint, whsec_…")
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8000))), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
