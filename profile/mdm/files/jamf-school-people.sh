#!/bin/sh
# Lists the users in Jamf School who have no email address, so that their profile
# would have none either: people.sh https://YOURS.jamfcloud.com KEY-FILE
# The file contains only the network ID, a colon and an API key. The script
# changes nothing. It needs curl and jq, which macOS includes from version 15.
set -eu
[ $# = 2 ] || { echo "usage: people.sh https://YOURS.jamfcloud.com KEY-FILE" >&2; exit 2; }
people=$(printf 'user = "%s"\n' "$(cat "$2")" |
	curl --config - --fail-with-body --silent --show-error --header "Accept: application/json" "${1%/}/api/users")
without=$(printf '%s' "$people" | jq -r '.users[] | select((.email // "") == "") | .username // .name // .id')
[ -n "$without" ] || { echo "Every user has an email address."; exit 0; }
printf 'Without an email address:\n%s\n' "$without" >&2
exit 1
