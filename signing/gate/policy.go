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
			{key: "maxFailedAttempts", kind: integer, check: noting(func(c *checker) { c.locks = true }, between(PolicyFloor, 7, 10))},
			{key: "maxGracePeriod", need: required, kind: integer, check: between(PolicyFloor, 0, 240)},
			{key: "maxInactivity", need: required, kind: integer, check: between(PolicyFloor, 1, 15)},
			{key: "maxPINAgeInDays", kind: integer, check: between(PolicyFloor, 30, 730)},
			{key: "minComplexChars", kind: integer, check: between(PolicyFloor, 1, 2)},
			{key: "minLength", need: required, kind: integer, check: between(PolicyFloor, 4, 12)},
			{key: "minutesUntilFailedLoginReset", kind: integer, check: noting(func(c *checker) { c.resets = true }, between(PolicyFloor, 1, 60))},
			{key: "pinHistory", kind: integer, check: between(PolicyFloor, 1, 10)},
			{key: "requireAlphanumeric", kind: boolean, check: isTrue(PolicyFloor)},
		},
		fit: func(c *checker) *Refusal {
			if c.resets != (c.locks && !c.account) {
				return refuse(LoginReset, "The key belongs to maxFailedAttempts on a Mac.").in("minutesUntilFailedLoginReset")
			}
			return nil
		},
	}
}

// noting is next, and notes that the key is there.
func noting(note func(*checker), next check) check {
	return func(c *checker, v value) *Refusal {
		note(c)
		return next(c, v)
	}
}
