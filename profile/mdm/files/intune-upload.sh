#!/bin/sh
# Creates the profiles in Intune, with the Azure CLI: az login, then upload.sh
set -eu
cd "$(dirname "$0")"
{{- range .}}
az rest --method POST --headers Content-Type=application/json --body @{{.File}} \
	--url https://graph.microsoft.com/{{if .Mac}}beta{{else}}v1.0{{end}}/deviceManagement/deviceConfigurations
{{- end}}
