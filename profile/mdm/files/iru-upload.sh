#!/bin/sh
# Creates the profiles in Iru, switched off: upload.sh https://YOURS.api.kandji.io TOKEN-FILE
# The file contains only an API token.
set -eu
[ $# = 2 ] || { echo "usage: upload.sh https://YOURS.api.kandji.io TOKEN-FILE" >&2; exit 2; }
url=$1
token=$(cat "$2")
cd "$(dirname "$0")"

# upload creates one profile: its name, its file, and whether it's for a Mac.
upload() {
	printf 'header = "Authorization: Bearer %s"\n' "$token" |
		curl --config - --fail-with-body --silent --show-error --form-string "name=$1" --form "file=@$2" --form active=false \
			--form "runs_on_mac=$3" --form "runs_on_iphone=$4" --form "runs_on_ipad=$4" "$url/api/v1/library/custom-profiles"
	echo
}
{{range .}}
upload {{shell .Name}} {{.File}} {{if .Mac}}true false{{else}}false true{{end}}
{{- end}}
