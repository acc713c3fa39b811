package settings_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// TestOffersPlatforms checks that a platform without profiles is refused,
// before any other check.
func TestOffersPlatforms(t *testing.T) {
	tests := []struct {
		platforms []profile.Platform
		variant   settings.Variant
		platform  profile.Platform
		want      fault.Code
	}{
		{nil, settings.Mail, profile.Mac, ""},
		{settings.Platforms(), settings.Mail, profile.Mac, ""},
		{[]profile.Platform{profile.Mac}, settings.Mail, profile.Mac, ""},
		{[]profile.Platform{profile.Mac}, settings.Mail, profile.IPhone, fault.PlatformOff},
		{[]profile.Platform{profile.Mac}, settings.Secure, profile.IPhone, fault.PlatformOff},
		{[]profile.Platform{profile.IPhone}, settings.Mail, profile.Mac, fault.PlatformOff},
		{[]profile.Platform{profile.IPhone}, settings.Secure, profile.Mac, fault.PlatformOff},
		{[]profile.Platform{profile.IPhone}, "other", profile.Mac, fault.VariantUnknown},
	}
	for _, tt := range tests {
		err := settings.Domain{Policy: settings.Offered, Platforms: tt.platforms}.Offers(tt.variant, tt.platform)
		if tt.want == "" && err != nil || tt.want != "" && !fault.Is(err, tt.want) {
			t.Errorf("%v %s %s: got %v, want %q", tt.platforms, tt.variant, tt.platform, err, tt.want)
		}
	}
}

func TestLoginFor(t *testing.T) {
	address, err := profile.ParseAddress("Jane.Doe@example.com")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		login       settings.Login
		given, want string // want "": LoginNeeded
	}{
		{"", "", "Jane.Doe@example.com"},
		{settings.AddressLogin, "", "Jane.Doe@example.com"},
		{settings.AddressLogin, "jd7", "jd7"},
		{settings.LocalPartLogin, "", "Jane.Doe"},
		{settings.LocalPartLogin, "jd7", "jd7"},
		{settings.GivenLogin, "jd7", "jd7"},
		{settings.GivenLogin, "", ""},
	}
	for _, tt := range tests {
		got, err := settings.Domain{Login: tt.login}.LoginFor(address, tt.given)
		if got != tt.want || (tt.want == "") != fault.Is(err, fault.LoginNeeded) {
			t.Errorf("%s %q: got %q, %v, want %q", tt.login, tt.given, got, err, tt.want)
		}
	}
}

func TestOffers(t *testing.T) {
	tests := []struct {
		policy   settings.Offer
		variant  settings.Variant
		platform profile.Platform
		want     fault.Code // "": offered
	}{
		{settings.Off, settings.Mail, profile.IPhone, ""},
		{settings.Off, settings.Secure, profile.IPhone, fault.VariantNotOffered},
		{settings.Off, settings.Mail, profile.Mac, ""},
		{settings.Off, settings.Secure, profile.Mac, fault.MacPolicyNeedsMDM},
		{settings.Offered, settings.Mail, profile.IPhone, ""},
		{settings.Offered, settings.Secure, profile.IPhone, ""},
		{settings.Offered, settings.Secure, profile.Mac, fault.MacPolicyNeedsMDM},
		{settings.Required, settings.Mail, profile.IPhone, fault.VariantNotOffered},
		{settings.Required, settings.Secure, profile.IPhone, ""},
		{settings.Required, settings.Mail, profile.Mac, ""},
		{settings.Offered, "", profile.IPhone, fault.VariantUnknown},
		{settings.Offered, "SECURE", profile.IPhone, fault.VariantUnknown},
	}
	for _, tt := range tests {
		err := settings.Domain{Policy: tt.policy}.Offers(tt.variant, tt.platform)
		if tt.want == "" && err != nil || tt.want != "" && !fault.Is(err, tt.want) {
			t.Errorf("%s %s %s: got %v, want %q", tt.policy, tt.variant, tt.platform, err, tt.want)
		}
	}
}
