package profile

import "time"

// A Passcode is a payload that requires a passcode on the device. If
// MaxFailedAttempts is set, wrong passcodes erase an iPhone or lock a Mac
// (com.apple.mobiledevice.passwordpolicy.yaml). Every Passcode forbids simple
// ones such as 1234.
//
// It has no fields for a pattern, for a forced change at the next sign-in, or
// for preventing removal.
type Passcode struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// MinLength is the minimum length of the passcode, 4 to 12 characters.
	MinLength int
	// MaxFailedAttempts is the number of wrong passcodes that erase an iPhone
	// or lock a Mac, 7 to 10. With 6 or fewer, an iPhone would erase itself
	// without a pause between attempts. Zero: never.
	MaxFailedAttempts int
	// ResetAfter is how long a Mac stays locked, 1 to 60 whole minutes. A Mac
	// needs it with MaxFailedAttempts. Profiles for iPhone omit it.
	ResetAfter time.Duration
	// AutoLock is how long the device may be idle before the screen locks, 1 to
	// 15 whole minutes.
	AutoLock time.Duration
	// Grace is how long the device can be woken without the passcode, up to 240
	// whole minutes. Zero: not at all.
	Grace time.Duration
	// MinComplex is the minimum number of characters that are neither letters
	// nor digits, up to 2.
	MinComplex int
	// Alphanumeric requires letters in addition to digits.
	Alphanumeric bool
	// MaxAgeDays is the maximum age of a passcode, 30 to 730 days. Zero: no
	// limit.
	MaxAgeDays int
	// History is the number of previous passcodes that can't be reused, 1 to
	// 10, or 0.
	History int
}

// DefaultPasscode returns a policy that suits most people: six digits or more,
// required immediately and after five idle minutes. 10 wrong passcodes erase.
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

// keys returns the payload keys of p
// (com.apple.mobiledevice.passwordpolicy.yaml).
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

// with returns p itself, because a policy is the same for everyone.
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
