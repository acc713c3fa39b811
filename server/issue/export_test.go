package issue

import "github.com/updatecase/mobileconfig/signing/gate"

// Kept is how many templates are kept.
func (i *Issuer) Kept() int { return len(i.kept) }

// Terms are those that the order's profile is checked against.
func (i *Issuer) Terms(o Order) (gate.Terms, error) {
	k := i.kind(o)
	made, err := i.made(k)
	if err != nil {
		return gate.Terms{}, err
	}
	return k.terms(o.Person, made.texts), nil
}
