package templates

// A Brand is what a page shows of the email provider. Any field can be empty.
type Brand struct {
	Name string
	Logo string // path of the picture; empty: the program's own mark
	// Sheet is the path of the stylesheet with the color; empty: the program's
	// own color.
	Sheet                  string
	Help, Imprint, Privacy string // links
}

// A MailBrand is what a mail shows of its sender. Without a name it's the
// program.
type MailBrand struct {
	Name string
	// Logo means that the mail includes a picture whose Content-ID is LogoID.
	Logo bool
	// Button is a color on which white text is readable, in light and dark
	// mails.
	Button                 string
	Help, Imprint, Privacy string // links
}

// LogoID is the Content-ID of the logo in a mail.
const LogoID = "logo"

// Program is the program's name in mails and pages.
const Program = "mobileconfig"

// programColor is the default color of mails.
const programColor = "#2b52c4"
