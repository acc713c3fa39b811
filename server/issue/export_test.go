package issue

// Kept returns how many templates are cached.
func (i *Issuer) Kept() int { return len(i.kept) }
