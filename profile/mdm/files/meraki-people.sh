#!/bin/sh
# Lists the owners in a Systems Manager network who have no email address, so that
# their profile would have none either: people.sh NETWORK-ID KEY-FILE
# The file contains only a key of the Meraki dashboard API. The script
# changes nothing. It needs curl and jq, which macOS includes from version 15.
set -eu
[ $# = 2 ] || { echo "usage: people.sh NETWORK-ID KEY-FILE" >&2; exit 2; }
people=$(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$2")" |
	curl --config - --fail-with-body --silent --show-error --header "Accept: application/json" "https://api.meraki.com/api/v1/networks/$1/sm/users")
without=$(printf '%s' "$people" | jq -r '.[] | select((.email // "") == "") | .username // .fullName // .id')
[ -n "$without" ] || { echo "Every owner has an email address."; exit 0; }
printf 'Without an email address:\n%s\n' "$without" >&2
exit 1
