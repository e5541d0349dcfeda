#!/usr/bin/env bash
# bash integration_examples.sh: what an outside system does with tickets, with nothing but bash and curl
set -euo pipefail

if [ -z "${INTEGRATION_TOKEN:-}" ] || [ -z "${INTEGRATION_URL:-}" ]; then
  echo 'Set INTEGRATION_TOKEN to your token, stk_…, and INTEGRATION_URL to https://…/functions/v1/integration-tickets.' >&2
  exit 1
fi
url=${INTEGRATION_URL%/}
attempts_max=6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The token goes through a file, not through arguments that everybody on this machine can see.
authorization() {
  printf 'header = "Authorization: Bearer %s"\n' "$INTEGRATION_TOKEN"
}

# 0.5 s, 1 s, 2 s … 30 s, each up to half as much again by chance, so that many clients do not come back at once.
backoff_seconds() {
  local ms=$((500 * (1 << ($1 - 1))))
  if ((ms > 30000)); then ms=30000; fi
  ms=$((ms + RANDOM % (ms / 2)))
  printf '%d.%03d' $((ms / 1000)) $((ms % 1000))
}

# request METHOD PATH [options of curl …]: prints the body of a 2xx answer. 429, 5xx and broken connections are tried again
# with the same options, so with the same idempotency key; any other answer is a fault of this program and ends it.
request() {
  local method=$1 path=$2 attempt code seconds why
  shift 2
  for ((attempt = 1; ; attempt++)); do
    : >"$work/body"
    : >"$work/headers"
    code=$(curl -sS --max-time 60 -X "$method" --config <(authorization) -H 'Accept: application/json' \
      -o "$work/body" -D "$work/headers" -w '%{http_code}' "$@" "$url$path" 2>"$work/fault") || code=000
    case $code in
      2??)
        cat "$work/body"
        return
        ;;
      000) why=$(cat "$work/fault") ;;
      429 | 5??) why="HTTP $code" ;;
      *)
        echo "$method $path: HTTP $code: $(cat "$work/body")" >&2
        return 1
        ;;
    esac
    if ((attempt >= attempts_max)); then
      echo "$method $path: given up after $attempt attempts: $why $(cat "$work/body")" >&2
      return 1
    fi
    seconds=$(sed -n 's/^[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]: *\([0-9][0-9]*\).*$/\1/p' "$work/headers")
    if [ -z "$seconds" ]; then seconds=$(backoff_seconds "$attempt"); fi
    echo "$method $path: $why; again in $seconds s" >&2
    sleep "$seconds"
  done
}

# send METHOD PATH JSON [IDEMPOTENCY_KEY]
send() {
  if [ -n "${4:-}" ]; then
    request "$1" "$2" -H 'Content-Type: application/json' -H "Idempotency-Key: $4" -d "$3"
  else
    request "$1" "$2" -H 'Content-Type: application/json' -d "$3"
  fi
}

# The first text field of that name. With jq on your machine: jq -r .ticket.id
field() {
  { grep -o "\"$1\":\"[^\"]*\"" || true; } | sed -n 1p | cut -d'"' -f4
}

new_key() {
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# Only where this file is run, not where it is read in for its functions.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

health=$(request GET /)
echo "health: $(printf '%s' "$health" | field status)"

# Where the feed is now: what comes after it is new.
start=$(request GET '/tickets/changes?cursor=latest' | field next_cursor)

# The key is made before the first attempt and stays the same: however often this is sent, there is one ticket.
key=$(new_key)
ticket=$(send POST /tickets '{
  "title": "The printer is on fire",
  "description": "Third floor, beside the stairs.",
  "priority": "high",
  "category": "hardware",
  "metadata": {"source": "integration_examples.sh"}
}' "$key")
id=$(printf '%s' "$ticket" | field id)
echo "opened: $id"

ticket=$(request GET "/tickets/$id")
echo "read: $(printf '%s' "$ticket" | field title) ($(printf '%s' "$ticket" | field status), $(printf '%s' "$ticket" | field priority))"

comment=$(send POST "/tickets/$id/comments" '{"content": "It still burns."}' "$(new_key)")
echo "commented: $(printf '%s' "$comment" | field comment_id)"

# Setting a status twice changes nothing the second time, so this is safe to repeat without a key.
changed=$(send PATCH "/tickets/$id/status" '{"status": "in_progress"}')
echo "status: $(printf '%s' "$changed" | field status)"

listed=$(request GET '/tickets?status=in_progress&limit=20')
case $listed in
  *"\"id\":\"$id\""*) echo "listed: $id is among them" ;;
  *) echo "listed: $id is on another page" ;;
esac

# The changes of all tickets of this token are numbered 1, 2, 3 … Whoever has every number missed nothing.
cursor=$start
seen=' '
deadline=$((SECONDS + 60))
until [[ $seen == *' ticket.created '* && $seen == *' ticket.commented '* && $seen == *' ticket.status_changed '* ]]; do
  if ((SECONDS > deadline)); then
    echo "after a minute the feed has told:$seen" >&2
    exit 1
  fi
  page=$(request GET "/tickets/changes?cursor=$cursor&wait=10")
  while read -r sequence type about; do
    if ((sequence != cursor + 1)); then
      echo "there is no change $((cursor + 1)) before $sequence" >&2
      exit 1
    fi
    cursor=$sequence
    echo "change $sequence: $type $about"
    if [ "$about" = "$id" ]; then seen="$seen$type "; fi
  done < <(printf '%s\n' "$page" |
    grep -o '"sequence":[0-9]*,"id":"[^"]*","type":"[^"]*","ticket_id":"[^"]*"' |
    sed 's/"sequence":\([0-9]*\),.*"type":"\([^"]*\)","ticket_id":"\([^"]*\)"/\1 \2 \3/')
done
echo "nothing was missed: changes $((start + 1)) to $cursor"
