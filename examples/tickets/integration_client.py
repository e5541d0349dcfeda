# python3 integration_client.py: what an outside system does with tickets; nothing is to be installed (Python 3.8+)
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

ATTEMPTS_MAX = 6
TIMEOUT_SECONDS = 30


class IntegrationError(Exception):
    """An answer that is not 2xx: `code` is its `error`, such as `invalid_token`."""

    def __init__(self, what, status, text, request_id=None):
        super().__init__(f"{what}: HTTP {status}: {text}")
        self.status = status
        self.request_id = request_id
        try:
            self.code = json.loads(text).get("error")
        except (ValueError, AttributeError):
            self.code = None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Nobody else is given the token."""

    def redirect_request(self, *_):
        return None


def backoff_seconds(attempt):
    """0.5 s, 1 s, 2 s … 30 s, each up to half as much again by chance, so that many clients do not come back at once."""
    return min(0.5 * 2 ** (attempt - 1), 30) * (1 + random.random() / 2)


class IntegrationClient:
    """A client of the tickets surface. `on_retry` is told each time when something is tried again, and why."""

    def __init__(self, url, token, on_retry=lambda words: None):
        self.url = url.rstrip("/")
        self.token = token
        self.on_retry = on_retry
        self.opener = urllib.request.build_opener(NoRedirect)

    def health(self):
        return self.request("GET", "/")

    def create_ticket(self, ticket, idempotency_key=None):
        """Give a key of your own, such as the number of the case in your system, and the same case opens no second
        ticket even when your program is started again."""
        key = idempotency_key or str(uuid.uuid4())
        return self.request("POST", "/tickets", body=ticket, idempotency_key=key)["ticket"]

    def get_ticket(self, id):
        return self.request("GET", f"/tickets/{id}")["ticket"]

    def list_tickets(self, **query):
        """A page {tickets, next_cursor}: go on with `cursor` until next_cursor is None."""
        return self.request("GET", "/tickets", query=query)

    def add_comment(self, id, comment, idempotency_key=None):
        key = idempotency_key or str(uuid.uuid4())
        answer = self.request("POST", f"/tickets/{id}/comments", body=comment, idempotency_key=key)
        return answer["comment_id"]

    def set_status(self, id, status):
        """Setting a status twice changes nothing the second time, so it is safe to repeat without a key."""
        return self.request("PATCH", f"/tickets/{id}/status", body={"status": status})["ticket"]

    def list_changes(self, cursor="0", wait=0):
        """A page {changes, next_cursor} of what happened after `cursor`; waits up to `wait` seconds for it."""
        query = {"cursor": cursor, "wait": wait}
        return self.request("GET", "/tickets/changes", query=query, timeout=wait + TIMEOUT_SECONDS)

    def follow_changes(self, cursor):
        """Every change after a cursor, for ever. Keep the sequence of the last one you worked on, and go on from there
        when your program starts again. Raises when a number is missing, which would be a fault of the server."""
        last = int(cursor)
        while True:
            for change in self.list_changes(str(last), wait=20)["changes"]:
                if change["sequence"] != last + 1:
                    raise RuntimeError(f"there is no change {last + 1} before {change['sequence']}")
                last = change["sequence"]
                yield change

    def request(self, method, path, query=None, body=None, idempotency_key=None, timeout=TIMEOUT_SECONDS):
        """The body of a 2xx answer. 429, 5xx and broken connections are tried again with the same idempotency key; any
        other answer is a fault of the caller and is raised at once."""
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key

        for attempt in range(1, ATTEMPTS_MAX + 1):
            asked = None
            try:
                request = urllib.request.Request(url, data, headers, method=method)
                with self.opener.open(request, timeout=timeout) as response:
                    text = response.read()
                return json.loads(text) if text else {}
            except urllib.error.HTTPError as error:
                fault = IntegrationError(
                    f"{method} {path}", error.code, read_text(error), error.headers.get("X-Request-Id")
                )
                if error.code != 429 and error.code < 500:
                    raise fault from None
                why, asked = f"HTTP {error.code}", error.headers.get("Retry-After")
            except (OSError, http.client.HTTPException) as error:
                # Refused, reset, timed out, or the body broke off.
                why, fault = str(error) or type(error).__name__, error
            if attempt == ATTEMPTS_MAX:
                raise fault from None
            seconds = int(asked) if asked and asked.isdigit() else backoff_seconds(attempt)
            self.on_retry(f"{method} {path}: {why}; again in {seconds:.1f} s")
            time.sleep(seconds)


def read_text(response):
    """What there is of it: the connection may break while it comes."""
    try:
        return response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""


def client_from_environment(**options):
    """INTEGRATION_TOKEN and INTEGRATION_URL, as the guide sets them."""
    token, url = os.environ.get("INTEGRATION_TOKEN"), os.environ.get("INTEGRATION_URL")
    if not token or not url:
        raise SystemExit(
            "Set INTEGRATION_TOKEN to your token, stk_…, "
            "and INTEGRATION_URL to https://…/functions/v1/integration-tickets."
        )
    return IntegrationClient(url, token, **options)


def say(line):
    print(line, flush=True)


def main():
    client = client_from_environment(on_retry=lambda words: print(words, file=sys.stderr, flush=True))
    say(f"health: {client.health()['status']}")

    # Where the feed is now: what comes after it is new.
    start = client.list_changes("latest")["next_cursor"]

    id = client.create_ticket({
        "title": "The printer is on fire",
        "description": "Third floor, beside the stairs.",
        "priority": "high",
        "category": "hardware",
        "metadata": {"source": "integration_client.py"},
    })["id"]
    say(f"opened: {id}")

    ticket = client.get_ticket(id)
    say(f"read: {ticket['title']} ({ticket['status']}, {ticket['priority']})")
    say(f"commented: {client.add_comment(id, {'content': 'It still burns.'})}")
    say(f"status: {client.set_status(id, 'in_progress')['status']}")

    tickets = client.list_tickets(status="in_progress", limit=20)["tickets"]
    is_among = any(one["id"] == id for one in tickets)
    say(f"listed: {id} is {'among them' if is_among else 'on another page'}")

    # The changes of all tickets of this token are numbered 1, 2, 3 … Whoever has every number missed nothing.
    expected = {"ticket.created", "ticket.commented", "ticket.status_changed"}
    for change in client.follow_changes(start):
        say(f"change {change['sequence']}: {change['type']} {change['ticket_id']}")
        if change["ticket_id"] == id:
            expected.discard(change["type"])
        if not expected:
            say(f"nothing was missed: changes {int(start) + 1} to {change['sequence']}")
            break


def run():
    """Runs `main`, and says in words what went wrong."""
    try:
        main()
    except (IntegrationError, OSError, http.client.HTTPException, RuntimeError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    run()
