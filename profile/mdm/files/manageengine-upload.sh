#!/bin/sh
# Uploads the profiles to ManageEngine MDM and adds each to a profile there:
# upload.sh https://SERVER AUTH-FILE IOS-PROFILE-ID MAC-PROFILE-ID
# The file contains only the value of the header Authorization.
set -eu
[ $# = 4 ] || { echo "usage: upload.sh https://SERVER AUTH-FILE IOS-PROFILE-ID MAC-PROFILE-ID" >&2; exit 2; }
url=$1
auth=$(cat "$2")
ios=$3
mac=$4
cd "$(dirname "$0")"

call() {
	printf 'header = "Authorization: %s"\n' "$auth" |
		curl --config - --fail-with-body --silent --show-error --header "Accept: application/json" "$@"
}

# upload adds a file to the profile of the ID: as ioscustomprofiles or maccustomprofiles.
upload() {
	answer=$(call --header "Module: MDM_CUSTOM_PROFILE" --form "file=@$1" "$url/emsapi/files")
	file=$(printf '%s' "$answer" | sed -n 's/.*"file_id" *: *"\{0,1\}\([0-9]*\).*/\1/p')
	[ -n "$file" ] || { echo "$1: no file_id in the answer: $answer" >&2; exit 1; }
	call --header "Content-Type: application/json" --data "{\"custom_profile_file_id\":\"$file\",\"custom_profile_type\":1,\"allow_existing_payload\":true}" \
		"$url/api/v1/mdm/profiles/$2/payloads/$3"
	echo
}
{{range .}}
upload {{.File}} {{if .Mac}}"$mac" maccustomprofiles{{else}}"$ios" ioscustomprofiles{{end}}
{{- end}}
