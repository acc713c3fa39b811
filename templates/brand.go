package templates

// A Brand is what a page shows of who runs the mail of its people. Anything can be
// empty.
type Brand struct {
	Name string
	Logo string // the path of the picture; empty: the program's own mark
	// Sheet is the path of the stylesheet that has the color; empty: the program's
	// own color.
	Sheet                  string
	Help, Imprint, Privacy string // links
}

// A MailBrand is what a mail shows of who sends it. Without a name it's the
// program.
type MailBrand struct {
	Name string
	// Logo says that the mail brings a picture whose Content-ID is LogoID.
	Logo bool
	// Button is a color on which white words can be read, whether the mail around
	// it is light or dark.
	Button                 string
	Help, Imprint, Privacy string // links
}

// LogoID is the Content-ID of the logo in a mail.
const LogoID = "logo"

// Program is what mails and pages call the program.
const Program = "mobileconfig"

// programColor is that of mails that have no other.
const programColor = "#2b52c4"
