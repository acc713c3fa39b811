package profile

import "fmt"

// A Platform is a kind of device. A profile is made for one: a file for all
// makes an iPhone with a paired Watch ask for which of them it is.
type Platform string

// The platforms.
const (
	IPhone Platform = "iphone" // iPhone and iPad
	Mac    Platform = "mac"
)

// ParsePlatform reads "iphone" or "mac".
func ParsePlatform(s string) (Platform, error) {
	switch p := Platform(s); p {
	case IPhone, Mac:
		return p, nil
	}
	return "", fmt.Errorf("the platform is %q or %q", IPhone, Mac)
}

// targetDeviceType is Apple's number for p (TopLevel.yaml, TargetDeviceType).
func (p Platform) targetDeviceType() int {
	if p == Mac {
		return 5
	}
	return 1
}
