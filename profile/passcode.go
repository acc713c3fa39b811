package profile

import "time"

// A Passcode is a payload that demands a passcode on the device. On an
// iPhone, and where MaxFailedAttempts is set, wrong codes erase the device; a
// Mac they lock (com.apple.mobiledevice.passwordpolicy.yaml). Every Passcode
// forbids simple codes such as 1234.
//
// A code that only its owner can find out and an end to the tries: there is
// no pattern, no forced change at the next sign-in and no bar to removal.
type Passcode struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// MinLength is the shortest code, 4 to 12 characters.
	MinLength int
	// MaxFailedAttempts is after how many wrong codes an iPhone is erased or
	// a Mac locked, 7 to 10. At 6 and less an iPhone would erase with no
	// pause between the tries. Zero: never.
	MaxFailedAttempts int
	// ResetAfter is when a Mac that was locked can be tried again, 1 to 60
	// whole minutes. A Mac needs it with MaxFailedAttempts; an iPhone's
	// profile leaves it out.
	ResetAfter time.Duration
	// AutoLock is after how long without use the screen locks, 1 to 15 whole
	// minutes.
	AutoLock time.Duration
	// Grace is for how long the device can be woken without a code, up to
	// 240 whole minutes. Zero: not at all.
	Grace time.Duration
	// MinComplex is how many characters must be neither letter nor digit, up
	// to 2.
	MinComplex int
	// Alphanumeric demands letters beside digits.
	Alphanumeric bool
	// MaxAgeDays is when a code must be changed, 30 to 730 days. Zero: never.
	MaxAgeDays int
	// History is how many earlier codes may not come again, 1 to 10, or 0.
	History int
}

// DefaultPasscode is a policy that suits most: six digits or more, asked for
// at once and after five minutes without use, and 10 wrong codes erase.
func DefaultPasscode() Passcode {
	return Passcode{
		MinLength:         6,
		MaxFailedAttempts: 10,
		ResetAfter:        15 * time.Minute,
		AutoLock:          5 * time.Minute,
	}
}

// passcodePayload is com.apple.mobiledevice.passwordpolicy as Apple spells it.
type passcodePayload struct {
	payloadKeys
	AllowSimple                  bool `plist:"allowSimple"`
	ForcePIN                     bool `plist:"forcePIN"`
	MaxFailedAttempts            int  `plist:"maxFailedAttempts,omitempty"`
	MaxGracePeriod               int  `plist:"maxGracePeriod"`
	MaxInactivity                int  `plist:"maxInactivity"`
	MaxPINAgeInDays              int  `plist:"maxPINAgeInDays,omitempty"`
	MinComplexChars              int  `plist:"minComplexChars,omitempty"`
	MinLength                    int  `plist:"minLength"`
	MinutesUntilFailedLoginReset int  `plist:"minutesUntilFailedLoginReset,omitempty"`
	PINHistory                   int  `plist:"pinHistory,omitempty"`
	RequireAlphanumeric          bool `plist:"requireAlphanumeric,omitempty"`
}

// payload spells p out below the profile's identifier.
func (p *Passcode) payload(platform Platform, parent string) passcodePayload {
	out := passcodePayload{
		payloadKeys:         keys(parent+passcodeSuffix, "com.apple.mobiledevice.passwordpolicy", p.DisplayName, p.Description),
		AllowSimple:         false,
		ForcePIN:            true,
		MaxFailedAttempts:   p.MaxFailedAttempts,
		MaxGracePeriod:      minutes(p.Grace),
		MaxInactivity:       minutes(p.AutoLock),
		MaxPINAgeInDays:     p.MaxAgeDays,
		MinComplexChars:     p.MinComplex,
		MinLength:           p.MinLength,
		PINHistory:          p.History,
		RequireAlphanumeric: p.Alphanumeric,
	}
	if platform == Mac && p.MaxFailedAttempts != 0 {
		out.MinutesUntilFailedLoginReset = minutes(p.ResetAfter)
	}
	return out
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

func (p *Passcode) validate(c *checker, platform Platform) {
	c.line("passcode.display_name", p.DisplayName)
	c.optionalText("passcode.description", p.Description)
	c.between("passcode.min_length", p.MinLength, 4, 12)
	if p.MaxFailedAttempts != 0 {
		c.between("passcode.max_failed_attempts", p.MaxFailedAttempts, 7, 10)
		if platform == Mac {
			c.wholeMinutes("passcode.reset_after", p.ResetAfter, 1, 60)
		}
	}
	c.wholeMinutes("passcode.auto_lock", p.AutoLock, 1, 15)
	c.wholeMinutes("passcode.grace", p.Grace, 0, 240)
	c.between("passcode.min_complex", p.MinComplex, 0, 2)
	if p.MaxAgeDays != 0 {
		c.between("passcode.max_age_days", p.MaxAgeDays, 30, 730)
	}
	c.between("passcode.history", p.History, 0, 10)
}
