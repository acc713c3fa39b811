package issue

// Kept is how many templates are kept.
func (i *Issuer) Kept() int { return len(i.kept) }
