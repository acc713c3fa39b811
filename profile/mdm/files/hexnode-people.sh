#!/bin/sh
# Lists the users in Hexnode who have no email address, so that their profile would
# have none either: people.sh https://YOURS.hexnodemdm.com KEY-FILE
# The file contains only an API key. The script changes nothing. It needs
# curl and jq, which macOS includes from version 15.
set -eu
[ $# = 2 ] || { echo "usage: people.sh https://YOURS.hexnodemdm.com KEY-FILE" >&2; exit 2; }
server=${1%/}
key=$(cat "$2")
url=$server/api/v1/users/
status=0
while [ -n "$url" ]; do
	case $url in
	"$server"/*) ;;
	*) echo "The list continues at $url, where the key isn't sent." >&2; exit 1 ;;
	esac
	page=$(printf 'header = "Authorization: %s"\n' "$key" |
		curl --config - --fail-with-body --silent --show-error --header "Accept: application/json" "$url")
	without=$(printf '%s' "$page" | jq -r '.results[] | select((.email // "") == "") | .name // .id')
	if [ -n "$without" ]; then
		[ "$status" = 1 ] || echo "Without an email address:" >&2
		printf '%s\n' "$without" >&2
		status=1
	fi
	url=$(printf '%s' "$page" | jq -r '.next // empty')
done
[ "$status" = 1 ] || echo "Every user has an email address."
exit "$status"
