#!/bin/sh
# Creates the profiles in SimpleMDM: upload.sh KEY-FILE
# The file contains only an API key.
set -eu
[ $# = 1 ] || { echo "usage: upload.sh KEY-FILE" >&2; exit 2; }
key=$(cat "$1")
cd "$(dirname "$0")"

# upload creates one profile: its name, its file, and whether it's for the user of a Mac.
upload() {
	printf 'user = "%s:"\n' "$key" |
		curl --config - --fail-with-body --silent --show-error --form-string "name=$1" --form "mobileconfig=@$2" --form "user_scope=$3" \
			--form attribute_support=true --form escape_attributes=true --form reinstall_after_os_update=false \
			https://a.simplemdm.com/api/v1/custom_configuration_profiles
	echo
}
{{range .}}
upload {{shell .Name}} {{.File}} {{.User}}
{{- end}}
