#!/bin/sh
# Creates the profiles in Addigy, in no policy yet: upload.sh TOKEN-FILE
# The file contains only a token of Addigy's API v2.
set -eu
[ $# = 1 ] || { echo "usage: upload.sh TOKEN-FILE" >&2; exit 2; }
token=$(cat "$1")
cd "$(dirname "$0")"
for file in{{range .}} {{.File}}{{end}}; do
	printf 'header = "x-api-key: %s"\n' "$token" |
		curl --config - --fail-with-body --silent --show-error --form "profile=@$file;type=application/x-apple-aspen-config" \
			https://api.addigy.com/api/v2/mdm/configurations/custom-profile
	echo
done
