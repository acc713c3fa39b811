#!/bin/sh
# Installs a profile with NanoMDM: enqueue.sh https://NANOMDM KEY-FILE PROFILE ENROLLMENT-ID
# The profiles here:{{range .}} {{.File}}{{end}}
# On a Mac, mail goes to the enrollment ID of the user, a policy to that of the device.
set -eu
[ $# = 4 ] || { echo "usage: enqueue.sh https://NANOMDM KEY-FILE PROFILE ENROLLMENT-ID" >&2; exit 2; }
command=$(mktemp)
trap 'rm -f "$command"' EXIT
cat >"$command" <<END
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Command</key>
	<dict>
		<key>RequestType</key>
		<string>InstallProfile</string>
		<key>Payload</key>
		<data>$(base64 <"$3")</data>
	</dict>
	<key>CommandUUID</key>
	<string>$(uuidgen)</string>
</dict>
</plist>
END
printf 'user = "nanomdm:%s"\n' "$(cat "$2")" |
	curl --config - --fail-with-body --silent --show-error --upload-file "$command" "$1/v1/enqueue/$4"
