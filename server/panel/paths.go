package panel

// Paths that more than one place names, below Prefix.
const (
	SignInPath  = "/sign-in"
	SignOutPath = "/sign-out"
	OwnPath     = "/security/sign-in"
	EnrolPath   = OwnPath + "/enrol"
	LogPath     = "/security/log"
	NoticesPath = "/security/notifications"
	LinksPath   = "/links"
)
