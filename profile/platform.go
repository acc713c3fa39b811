package profile

import "fmt"

// A Platform is a kind of device. A profile is for one platform: with a profile
// for all of them, an iPhone with a paired Watch asks which one it's for.
type Platform string

// The platforms.
const (
	IPhone Platform = "iphone" // iPhone and iPad
	Mac    Platform = "mac"
)

// ParsePlatform parses "iphone" or "mac".
func ParsePlatform(s string) (Platform, error) {
	switch p := Platform(s); p {
	case IPhone, Mac:
		return p, nil
	}
	return "", fmt.Errorf("the platform must be %q or %q", IPhone, Mac)
}

// targetDeviceType returns Apple's number for p (TopLevel.yaml,
// TargetDeviceType).
func (p Platform) targetDeviceType() int {
	if p == Mac {
		return 5
	}
	return 1
}
