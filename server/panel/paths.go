package panel

// Paths that are used in more than one place, below Prefix.
const (
	SignInPath  = "/sign-in"
	SignOutPath = "/sign-out"
	OwnPath     = "/security/sign-in"
	EnrolPath   = OwnPath + "/enrol"
	LogPath     = "/security/log"
	NoticesPath = "/security/notifications"
	LinksPath   = "/links"
)
