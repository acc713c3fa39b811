package profile

// A DAV is a calendar or contacts account over HTTPS. Like a [Mail], it has no
// field for a password or for turning TLS off. It has none for the path on the
// server either, because devices find the path at /.well-known (RFC 6764) and
// treat paths in profiles inconsistently.
type DAV struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// AccountName is the account's name on the device.
	AccountName string
	Server      DAVServer
	// Login is the username on the server.
	Login string
}

func (d *DAV) titles() (displayName, description string) { return d.DisplayName, d.Description }

// protocolKeys returns the keys of d, prefixed with the protocol's name.
func (d *DAV) protocolKeys(protocol string) map[string]any {
	return map[string]any{
		protocol + "AccountDescription": d.AccountName,
		protocol + "HostName":           d.Server.Host,
		protocol + "Port":               d.Server.Port,
		protocol + "UseSSL":             true,
		protocol + "Username":           d.Login,
	}
}

// set sets the fields that a template leaves open.
func (d *DAV) set(f Fields) { d.AccountName, d.Login = f.Address.String(), f.Login }

// check checks d. path is "caldav" or "carddav".
func (d *DAV) check(c *checker, path string) {
	c.line(path+".display_name", d.DisplayName)
	c.optionalText(path+".description", d.Description)
	c.line(path+".account_name", d.AccountName)
	c.host(path+".host", d.Server.Host)
	c.addError(path+".port", d.Server.checkPort())
	c.login(path+".login", d.Login)
}
