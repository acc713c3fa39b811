# The profiles as resources of the Terraform provider for SimpleMDM. Older versions
# of the provider write the last four names without underscores.
{{- range $i, $u := .}}
resource "simplemdm_customprofile" "mail_{{$i}}" {
  name                      = {{json .Name}}
  mobileconfig              = file("${path.module}/{{.File}}")
  user_scope                = {{.User}}
  attribute_support         = true
  escape_attributes         = true
  reinstall_after_os_update = false
}
{{- end}}
