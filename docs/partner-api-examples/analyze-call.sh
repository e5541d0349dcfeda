#!/bin/sh
# sh analyze-call.sh call.wav
set -eu

api="${BASE_URL:-http://127.0.0.1:3000}/api/partner/v1"

call() {
  method=$1 path=$2
  shift 2
  curl -sS --fail-with-body -X "$method" "$api$path" \
    -H "Authorization: Bearer $API_KEY" -H "X-API-Secret: $API_SECRET" "$@"
}
# The first text field of that name in the answer.
field() {
  sed -n "s/^.*[{,]\"$1\":\"\([^\"]*\)\".*$/\1/p"
}

company_id=$(call POST /companies/create -H "Content-Type: application/json" \
  -d '{"name": "Test Company", "contact_email": "admin@testcompany.com"}' | field company_id)
agent_id=$(call POST "/companies/$company_id/agents/create" -H "Content-Type: application/json" \
  -d '{"name": "John Doe", "email": "agent@testcompany.com"}' | field agent_id)
# As a form: the file goes as it is. The same key again gives the same job, so it is safe to send this twice.
job_id=$(call POST /calls/analyze -H "X-Idempotency-Key: $company_id-1" -F "audio_file=@$1" \
  -F "company_id=$company_id" -F "agent_id=$agent_id" -F "call_type=support" | field job_id)

while :; do
  state=$(call GET "/jobs/$job_id/status")
  # Of the job itself: its status comes before everything else of that name.
  case $state in
    *'"job_type":"call_analysis","status":"queued"'* | *'"job_type":"call_analysis","status":"processing"'*) sleep 1 ;;
    *) break ;;
  esac
done
printf '%s\n' "$state"

# A callback, verified (raw body in the file `body`, the key's webhook secret in $WEBHOOK_SECRET):
#   openssl dgst -sha256 -hmac "$WEBHOOK_SECRET" body    must print what X-Partner-Signature says
