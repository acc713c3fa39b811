#!/bin/sh
# Checks this archive: SHA256SUMS against its signature, and every file against
# SHA256SUMS. It needs openssl and sha256sum. With a file of root certificates it
# also checks that the signer is trusted: sh verify.sh roots.pem
set -eu
roots=
case ${1-} in
'') ;;
/*) roots=$1 ;;
*) roots=$PWD/$1 ;;
esac
case $0 in
*/*) cd "${0%/*}" ;;
esac
bad=0

# The signature as a file.
one=$(sha256sum SHA256SUMS.p7s | sha256sum)
two=$(sha256sum <SHA256SUMS.p7s.sha256)
if [ "$one" != "$two" ]; then
	echo "BAD: SHA256SUMS.p7s has been changed" >&2
	bad=$((bad + 4))
fi

# The signature and its signer.
signer=$(openssl cms -verify -binary -inform DER -in SHA256SUMS.p7s -content SHA256SUMS -noverify -signer /dev/stdout -out /dev/null 2>/dev/null) || signer=
print=$(printf '%s\n' "$signer" | openssl x509 -outform DER 2>/dev/null | sha256sum)
if [ "$print" != "{{fingerprint}}  -" ]; then
	echo "BAD: SHA256SUMS isn't signed by the certificate {{fingerprint}}" >&2
	bad=$((bad + 8))
fi
if [ -n "$roots" ] && ! openssl cms -verify -binary -inform DER -in SHA256SUMS.p7s -content SHA256SUMS -CAfile "$roots" -purpose any -out /dev/null; then
	echo "BAD: the signer isn't trusted by these roots" >&2
	bad=$((bad + 16))
fi

# This script.
self=
while read -r sum name; do
	if [ "$name" = verify.sh ]; then self=$sum; fi
done <SHA256SUMS
one=$(sha256sum <verify.sh)
if [ "$one" != "$self  -" ]; then
	echo "BAD: verify.sh has been changed" >&2
	bad=$((bad + 1))
fi

# All files.
if ! list=$(sha256sum -c SHA256SUMS 2>&1); then
	printf '%s\n' "$list" | while read -r line; do
		case $line in
		*': OK') ;;
		*) echo "BAD: $line" >&2 ;;
		esac
	done
	bad=$((bad + 2))
fi
if [ "$bad" = 0 ]; then
	echo "Good: {{files}} files, signed by {{name}}"
fi
exit "$bad"
exit "$bad"
