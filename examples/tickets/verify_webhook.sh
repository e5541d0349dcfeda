#!/usr/bin/env bash
# bash verify_webhook.sh request.txt: is this webhook genuine? With nothing but bash and openssl.
#
# A shell is no web server, so this checks a request that something else stored: header lines, an empty line, the bytes of the
# body as they came. Scripts that want to know what happened do better to follow the feed, as integration_examples.sh does.
set -euo pipefail

if [ -z "${WEBHOOK_SECRET:-}" ] || [ $# -ne 1 ]; then
  echo 'Set WEBHOOK_SECRET to the secret of the endpoint, whsec_…, and name the file with the request.' >&2
  exit 1
fi
request=$1
# When it came; what is stored for later needs it said: RECEIVED_AT=1735036800
received_at=${RECEIVED_AT:-$(date +%s)}
tolerance_seconds=300

refuse() {
  echo "refused: $1"
  exit 1
}
# The value of a header, in any case, with or without a carriage return at its end.
header() {
  sed -n '1,/^[[:space:]]*$/p' "$request" | tr -d '\r' | awk -v name="$1" '
    { at = index($0, ":") }
    at && tolower(substr($0, 1, at - 1)) == name { sub(/^[^:]*:[ \t]*/, ""); print; exit }'
}
# The bytes behind the first empty line. sed and awk would add a line's end that is not there.
body() {
  local line bytes=0
  while IFS= read -r line; do
    bytes=$((bytes + $(printf '%s' "$line" | wc -c) + 1))
    if [ -z "${line%$'\r'}" ]; then
      tail -c +$((bytes + 1)) "$request"
      return
    fi
  done <"$request"
}

id=$(header webhook-id)
timestamp=$(header webhook-timestamp)
signatures=$(header webhook-signature)
if [ -z "$id" ] || [ -z "$timestamp" ] || [ -z "$signatures" ]; then refuse 'a webhook header is missing'; fi
# What is old may be a recording that somebody plays again.
if ! [[ $timestamp =~ ^[0-9]{1,12}$ ]] || ((received_at - 10#$timestamp > tolerance_seconds || 10#$timestamp - received_at > tolerance_seconds)); then
  refuse 'the timestamp is too far from now'
fi

# The new one and the old one while a secret is rotated, divided by a space; and several signatures, of which one has to fit.
for secret in $WEBHOOK_SECRET; do
  key=$(printf '%s' "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
  expected=$({ printf '%s.%s.' "$id" "$timestamp" && body; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
  for given in $signatures; do
    if [ "$given" = "v1,$expected" ]; then
      echo "genuine: $id"
      exit 0
    fi
  done
done
refuse 'no signature fits'
