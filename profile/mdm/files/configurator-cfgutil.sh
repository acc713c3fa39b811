#!/bin/sh
# Installs the profile on the connected iPhone or iPad, with cfgutil of Apple
# Configurator: cfgutil.sh [ECID]. Give the ECID if several are connected.
# Unless this Mac supervises the device, someone has to confirm on it.
set -eu
ecid=${1:-}
cd "$(dirname "$0")"
if [ -z "$ecid" ]; then
	ecid=$(cfgutil list | sed -n 's/.*ECID: *\(0x[0-9A-Fa-f]*\).*/\1/p')
fi
case $ecid in
"") echo "no device is connected" >&2; exit 1 ;;
*[!0-9A-Fa-fxX]*) echo "several devices are connected; give the ECID of one" >&2; exit 1 ;;
esac
{{- range .}}{{if not .Mac}}
cfgutil --ecid "$ecid" install-profile {{.File}}
{{- end}}{{end}}
