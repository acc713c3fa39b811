package gate

// policyKind is a passcode policy.
func policyKind() payloadKind {
	return payloadKind{
		payloadType: "com.apple.mobiledevice.passwordpolicy",
		suffix:      ".passcode",
		policy:      true,
		rules: []rule{
			{key: "allowSimple", need: required, kind: boolean, check: isFalse(PolicyFloor)},
			{key: "forcePIN", need: required, kind: boolean, check: isTrue(PolicyFloor)},
			{key: "maxFailedAttempts", kind: integer, check: noting(func(l *limits) *int { return &l.attempts }, between(PolicyFloor, 7, 10))},
			{key: "maxGracePeriod", need: required, kind: integer, check: between(PolicyFloor, 0, 240)},
			{key: "maxInactivity", need: required, kind: integer, check: noting(func(l *limits) *int { return &l.lock }, between(PolicyFloor, 1, 15))},
			{key: "maxPINAgeInDays", kind: integer, check: between(PolicyFloor, 30, 730)},
			{key: "minComplexChars", kind: integer, check: between(PolicyFloor, 1, 2)},
			{key: "minLength", need: required, kind: integer, check: noting(func(l *limits) *int { return &l.length }, between(PolicyFloor, 4, 12))},
			{key: "minutesUntilFailedLoginReset", kind: integer, check: noting(func(l *limits) *int { return &l.reset }, between(PolicyFloor, 1, 60))},
			{key: "pinHistory", kind: integer, check: between(PolicyFloor, 1, 10)},
			{key: "requireAlphanumeric", kind: boolean, check: isTrue(PolicyFloor)},
		},
		fit: func(c *checker) *Refusal {
			if c.limits.resets() != (c.limits.attempts > 0 && !c.account) {
				return refuse(LoginReset, "The key belongs to maxFailedAttempts on a Mac.").in("minutesUntilFailedLoginReset")
			}
			return nil
		},
	}
}

// noting wraps next and stores the value.
func noting(of func(*limits) *int, next check) check {
	return func(c *checker, v value) *Refusal {
		*of(&c.limits) = v.n
		return next(c, v)
	}
}

// resets reports whether a locked Mac can be tried again.
func (l limits) resets() bool { return l.reset > 0 }
