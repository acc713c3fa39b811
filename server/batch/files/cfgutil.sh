#!/bin/sh
# Installs the profiles on the attached iPhones and iPads, which are identified by
# ECID or serial number. It needs cfgutil, which Apple Configurator installs. Unless
# this Mac supervises a device, someone has to confirm on the device.
set -eu
case $0 in
*/*) cd "${0%/*}" ;;
esac

# profile prints the file for a device.
profile() {
	case $1 in
{{devices}}	esac
}

missing=0
for ecid in $(cfgutil list | sed -n 's/.*ECID: *\(0x[0-9A-Fa-f]*\).*/\1/p'); do
	file=$(profile "$(echo "$ecid" | tr 'A-FX' 'a-fx')")
	serial=
	if [ -z "$file" ]; then
		serial=$(cfgutil --ecid "$ecid" get serialNumber)
		file=$(profile "$serial")
	fi
	if [ -z "$file" ]; then
		echo "$ecid $serial: this archive has no profile for it" >&2
		missing=1
		continue
	fi
	echo "$ecid: $file"
	cfgutil --ecid "$ecid" install-profile "$file"
done
exit "$missing"
