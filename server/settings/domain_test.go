package settings_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

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
