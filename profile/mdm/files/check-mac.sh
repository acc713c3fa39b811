#!/bin/sh
# Run this on a Mac that has the profile, as the person who signs in there. It checks
# whether the MDM filled in the person's data. It changes nothing.
set -eu
installed=$(profiles show -output stdout-xml)
case $installed in
*{{shell .Identifier}}'</string>'*) ;;
*) echo "The profile {{.Identifier}} isn't installed for this person." >&2; exit 1 ;;
esac
status=0
{{- range .Variables}}
case $installed in
*{{shell .}}*) echo {{shell .}} "wasn't filled in." >&2; status=1 ;;
esac
{{- end}}
[ "$status" != 0 ] || echo "The profile is installed, and the person's data was filled in."
exit "$status"
