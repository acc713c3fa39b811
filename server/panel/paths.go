package panel

import (
	"path"
	"strings"
)

// Paths that are used in more than one place, below Prefix.
const (
	SignInPath  = "/sign-in"
	SignOutPath = "/sign-out"
	OwnPath     = "/security/sign-in"
	EnrollPath  = OwnPath + "/enroll"
	LogPath     = "/security/log"
	NoticesPath = "/security/notifications"
	LinksPath   = "/links"
)

// OwnPage reports whether a path is below Prefix, so that a browser can be sent
// there.
func OwnPage(p string) bool {
	return path.Clean(p) == p && (p == Prefix || strings.HasPrefix(p, Prefix+"/")) && !strings.ContainsAny(p, "?#\\%")
}
