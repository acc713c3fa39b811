package issue

// Kept is how many templates are kept.
func (i *Issuer) Kept() (n int) {
	i.templates.Range(func(any, any) bool {
		n++
		return true
	})
	return n
}
