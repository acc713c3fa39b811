package profile

// A DAV is an account of calendars or of contacts, reached over HTTPS. Like a
// [Mail] it has no field for a password or to turn TLS off. It has none for
// the path on the server either: a device finds that by /.well-known (RFC
// 6764), and takes what profiles say of it in different ways.
type DAV struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// AccountName is how the account is called on the device.
	AccountName string
	Server      DAVServer
	// Login is the user name on the server.
	Login string
}

func (d *DAV) titles() (displayName, description string) { return d.DisplayName, d.Description }

// spell spells d out with keys that begin with the name of the protocol.
func (d *DAV) spell(protocol string) map[string]any {
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

// check checks d, which is called by its path: "caldav" or "carddav".
func (d *DAV) check(c *checker, path string) {
	c.line(path+".display_name", d.DisplayName)
	c.optionalText(path+".description", d.Description)
	c.line(path+".account_name", d.AccountName)
	c.host(path+".host", d.Server.Host)
	c.because(path+".port", d.Server.checkPort())
	c.line(path+".login", d.Login)
}
