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

// Type is "com.apple.mobiledevice.passwordpolicy".
func (p *Passcode) Type() string { return p.kind().payloadType }

func (*Passcode) kind() kind {
	return kind{name: "passcode", payloadType: "com.apple.mobiledevice.passwordpolicy", place: 90, device: true}
}

func (p *Passcode) titles() (displayName, description string) { return p.DisplayName, p.Description }

// keys spells p out (com.apple.mobiledevice.passwordpolicy.yaml).
func (p *Passcode) keys(_ Address, platform Platform) map[string]any {
	out := map[string]any{
		"allowSimple":    false,
		"forcePIN":       true,
		"maxGracePeriod": minutes(p.Grace),
		"maxInactivity":  minutes(p.AutoLock),
		"minLength":      p.MinLength,
	}
	optional(out, "maxFailedAttempts", p.MaxFailedAttempts)
	optional(out, "maxPINAgeInDays", p.MaxAgeDays)
	optional(out, "minComplexChars", p.MinComplex)
	optional(out, "pinHistory", p.History)
	optional(out, "requireAlphanumeric", p.Alphanumeric)
	if platform == Mac && p.MaxFailedAttempts != 0 {
		out["minutesUntilFailedLoginReset"] = minutes(p.ResetAfter)
	}
	return out
}

// with is p itself: a policy is the same for everybody.
func (p *Passcode) with(Fields) Payload { return p }

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
