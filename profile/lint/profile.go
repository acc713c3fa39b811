package lint

import "strings"

// platforms are the names of TargetDeviceType.
var platforms = map[int64]string{1: iphone, 2: "watch", 3: "homepod", 4: "appletv", 5: mac, 6: "vision"}

// profile inspects the file as a whole, and its payloads.
func (i *inspector) profile(root *value) {
	top := (*place)(nil)
	target, _ := root.int("TargetDeviceType")
	i.report.Platform = platforms[target]
	i.report.Identifier = shown(root.string("PayloadIdentifier"), maxShown)
	i.check(root, top, rules()[""], true)
	i.version(root, top)
	if t := root.string("PayloadType"); strings.TrimSpace(t) != "" && t != "Configuration" {
		detail := ""
		if hidden := hiddenIn(t, true); hidden != "" {
			detail = "The PayloadType of the file isn't exactly Configuration: devices refuse it. " + hidden
		}
		i.add(codeWrongOuterType, top.at("PayloadType"), detail).of(root.find("PayloadType"))
	}
	if root.find("PayloadDisplayName") == nil {
		i.add(codeNameMissing, top.at("PayloadDisplayName"), "The file has no name for people to recognize it.").advise("Add PayloadDisplayName.")
	}
	if root.find("PayloadOrganization") == nil {
		i.add(codeNameMissing, top.at("PayloadOrganization"), "The file doesn't say who issued it.").advise("Add PayloadOrganization.")
	}
	if target == 0 {
		i.add(codeNoTargetDevice, top.at("TargetDeviceType"), "")
	}
	i.removal(root)
	i.payloads(root, top.at("PayloadContent"))
}

// payloads inspects each payload, and all of them together.
func (i *inspector) payloads(root *value, at *place) {
	content := root.find("PayloadContent")
	if content == nil {
		content = &value{kind: array}
	}
	switch {
	case root.find("EncryptedPayloadContent") != nil:
		i.add(codeEncryptedContent, (*place)(nil).at("EncryptedPayloadContent"), "")
	case content.kind == array && len(content.items) == 0:
		i.add(codeNoPayloads, at, "")
	}
	for n := range content.items {
		if content.items[n].kind != dict {
			i.add(codeWrongType, at.item(n), "A payload must be a dict.").of(&content.items[n])
			continue
		}
		i.payload(&content.items[n], at.item(n))
	}
	i.identities(root, content.items, at)
	i.descriptions(content.items, at)
	i.together(root, content.items, at)
}

// together reports payloads that can't be combined, or don't belong in this
// file.
func (i *inspector) together(root *value, payloads []value, at *place) {
	counts := map[string]int{}
	userOnly := false
	for n := range payloads {
		t := typeOf(clean(payloads[n].string("PayloadType")))
		if t == nil {
			continue
		}
		if counts[t.name]++; t.once && counts[t.name] == 2 {
			i.add(codeRepeatedPayload, at.item(n), "")
		}
		userOnly = userOnly || t.userOnly
	}
	ruled := counts[policyType] > 0 || i.declared
	if ruled {
		i.consent(root)
	}
	if userOnly && i.report.Platform == mac && ruled {
		i.add(codeMixedMacFile, at, "")
	}
	if userOnly && (i.report.Platform == mac || i.report.Platform == "") {
		i.scope(root)
	}
}

// scope reports an account that a Mac wouldn't accept for the user.
func (i *inspector) scope(root *value) {
	at := (*place)(nil).at("PayloadScope")
	switch scope := root.string("PayloadScope"); {
	case scope == "System":
		i.add(codeWrongScope, at, "")
	case scope == "" && i.report.Platform == mac:
		i.add(codeWrongScope, at, "The file doesn't say whether it is for the user or the system.").as(Note)
	}
}

// removal reports what prevents removing a profile, or removes it
// automatically.
func (i *inspector) removal(root *value) {
	top := (*place)(nil)
	for _, key := range []string{"PayloadRemovalDisallowed", "HasRemovalPasscode"} {
		if root.is(key, true) {
			i.add(codeRemovalDisallowed, top.at(key), "")
		}
	}
	for _, key := range []string{"RemovalDate", "PayloadExpirationDate"} {
		if v := root.find(key); v != nil && v.kind == date && !v.bad && v.time.Before(i.at) {
			i.add(codeRemovalDatePast, top.at(key), "")
		}
	}
}
