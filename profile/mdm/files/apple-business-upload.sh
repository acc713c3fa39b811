#!/bin/sh
# Creates the configurations in Apple Business: upload.sh TOKEN-FILE
# The file contains only an access token of the Apple Business API.
set -eu
[ $# = 1 ] || { echo "usage: upload.sh TOKEN-FILE" >&2; exit 2; }
token=$(cat "$1")
cd "$(dirname "$0")"
for file in{{range .}} {{.File}}{{end}}; do
	printf 'header = "Authorization: Bearer %s"\n' "$token" |
		curl --config - --fail-with-body --silent --show-error --header "Content-Type: application/json" \
			--data "@$file" https://api-business.apple.com/v1/configurations
	echo
done
