#!/bin/sh
# Run this on a Mac that has the profile, as the person who signs in there. It checks
# whether the MDM filled in the person's data. It changes nothing.
set -eu
installed=$(profiles show -output stdout-xml)
case $installed in
*'com.example.mobileconfig.mdm.mac''</string>'*) ;;
*) echo "The profile com.example.mobileconfig.mdm.mac isn't installed for this person." >&2; exit 1 ;;
esac
status=0
case $installed in
*'{EmailAddress}'*) echo '{EmailAddress}' "wasn't filled in." >&2; status=1 ;;
esac
case $installed in
*'{FirstName} {LastName}'*) echo '{FirstName} {LastName}' "wasn't filled in." >&2; status=1 ;;
esac
case $installed in
*'{EmailUserName}'*) echo '{EmailUserName}' "wasn't filled in." >&2; status=1 ;;
esac
[ "$status" != 0 ] || echo "The profile is installed, and the person's data was filled in."
exit "$status"
