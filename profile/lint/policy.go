package lint

import "strings"

// policy inspects a passcode policy.
func (i *inspector) policy(_ *payloadType, v *value, at *place) {
	const attempts, reset = "maxFailedAttempts", "minutesUntilFailedLoginReset"
	n, limited := v.int(attempts)
	switch {
	case limited && n == 11:
		i.add(codeFailedAttemptsUnclear, at.at(attempts), "")
	case limited && n <= 6 && n >= 2:
		i.wipe(at.at(attempts))
	}
	if limited && i.report.Platform == mac && v.find(reset) == nil {
		i.add(codeLoginResetMissing, at.at(attempts), "")
	}
	if v.find(reset) != nil && v.find(attempts) == nil {
		i.add(codeNoEffect, at.at(reset), "The key has no effect without maxFailedAttempts.")
	}
	if v.is("forcePIN", false) {
		i.add(codeNoEffect, at.at("forcePIN"), "The payload itself makes the device ask for a passcode; false doesn't change that.").as(Note)
	}
	if minutes, _ := v.int("maxInactivity"); minutes > 15 && minutes <= 60 && i.report.Platform != mac {
		i.add(codeWrongValue, at.at("maxInactivity"), "The number isn't from 0 to 15; up to 60 is for Macs.")
	}
}

func (i *inspector) wipe(at *place) {
	detail := ""
	if i.report.Platform == mac {
		detail = "Six or fewer wrong passcodes lock the Mac, with no delay between attempts."
	}
	i.add(codeWipeWithoutDelay, at, detail)
}

// consent reports a policy without a text that people agree to.
func (i *inspector) consent(root *value) {
	at := (*place)(nil).at("ConsentText")
	texts := root.find("ConsentText")
	switch {
	case texts == nil:
		i.add(codeConsentMissing, at, "")
	case texts.kind != dict: // reported as the wrong type
	case texts.find("default") == nil:
		i.add(codeConsentMissing, at, "The consent text has no default: people whose language is missing see another one.")
	case strings.TrimSpace(texts.string("default")) == "":
		i.add(codeConsentMissing, at.at("default"), "The default consent text is empty.").of(texts.find("default"))
	}
}
