# python3 receive_webhooks.py: keeps a copy of your tickets by webhooks, and heals it from the feed (Python 3.8+)
import json
import os
import queue
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "webhooks"))
from integration_client import client_from_environment, say
from receive import verify

BODY_BYTES_MAX = 10_000_000


class Copy:
    """The tickets of a token as its changes make them, in a file.

    `last` is the sequence of the last change that was worked on: they are numbered 1, 2, 3 … over all tickets of the token,
    in the feed and in data.sequence of webhooks alike, so whoever has them up to `last` has everything up to there. A real
    one is a table, changed in one transaction with `last`.
    """

    def __init__(self, client, file):
        self.client = client
        self.file = file
        self.last = 0
        self.tickets = {}
        try:
            with open(file, encoding="utf-8") as kept:
                self.__dict__.update(json.load(kept))
        except FileNotFoundError:
            pass

    def apply(self, sequence, type, ticket, by):
        """Takes what comes next, and nothing else."""
        if sequence != self.last + 1:
            raise RuntimeError(f"there is no change {self.last + 1} before {sequence}")
        self.tickets[ticket["id"]] = ticket
        self.last = sequence
        # Whoever reads the file sees it as it was or as it is, never a part of it.
        with open(f"{self.file}.new", "w", encoding="utf-8") as new:
            json.dump({"last": self.last, "tickets": self.tickets}, new)
        os.replace(f"{self.file}.new", self.file)
        say(f"change {sequence} by {by}: {type} {ticket['id']} {ticket['status']}")

    def receive(self, type, data):
        sequence = data["sequence"]
        if sequence <= self.last:
            return say(f"known: {sequence}")
        if sequence == self.last + 1:
            return self.apply(sequence, type, data["ticket"], "webhook")
        say(f"gap: {self.last + 1} to {sequence - 1}; reading the feed")
        self.catch_up()

    def catch_up(self):
        """Everything that happened since `last`, of which no webhook has come, or none in order."""
        while True:
            changes = self.client.list_changes(str(self.last))["changes"]
            if not changes:
                return
            for change in changes:
                self.apply(change["sequence"], change["type"], change["data"]["ticket"], "feed")


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secrets = []
    # One after the other: each knows what the one before it did.
    messages = queue.Queue()

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)
        try:
            verify(body, self.headers, self.secrets)
        except ValueError as error:
            say(f"refused: {error}")
            return self.answer(400)
        # First the answer, then the work. If this process dies in between, it finds the change in the feed when it starts
        # again.
        self.answer(204)
        self.messages.put(json.loads(body))

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *_):
        pass


def work(copy, messages):
    while True:
        message = messages.get()
        data = message.get("data")
        if not isinstance(data, dict) or not isinstance(data.get("sequence"), int):
            say(f"not about a ticket: {message.get('type')}")
            continue
        try:
            copy.receive(message["type"], data)
        except Exception as error:
            # It is not lost, but a gap for the next one.
            print(f"not done: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    # The new one and the old one while a secret is rotated, divided by a space.
    Receiver.secrets = os.environ.get("WEBHOOK_SECRET", "").split()
    if not Receiver.secrets:
        raise SystemExit("Set WEBHOOK_SECRET to the secret of the endpoint, whsec_…")
    client = client_from_environment(on_retry=lambda words: print(words, file=sys.stderr, flush=True))
    # A file for each token: another one has other tickets, and numbers of its own.
    name = f"tickets-of-{client.token[4:12]}.json"
    copy = Copy(client, os.environ.get("STATE_FILE") or os.path.join(tempfile.gettempdir(), name))
    copy.catch_up()
    threading.Thread(target=work, args=(copy, Receiver.messages), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8000))), Receiver)
    say(f"listening on http://127.0.0.1:{server.server_address[1]}/, up to change {copy.last}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
