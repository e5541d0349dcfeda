#!/usr/bin/env bash
# At the path that the guide names; the example itself is in tickets/.
exec bash "$(dirname "${BASH_SOURCE[0]}")/tickets/integration_examples.sh" "$@"
