package web

import "testing"

func TestPreviewOf(t *testing.T) {
	for agent, want := range map[string]string{
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)": "slack",
		"WhatsApp/2.23.20.0 A": "whatsapp",
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)":                                                               "facebook",
		"TelegramBot (like TwitterBot)":                                                                                                           "telegram",
		"Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com":                                         "teams",
		"Mozilla/4.0 (compatible; ms-office; MSOffice 16)":                                                                                        "outlook",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1": "",
		"": "",
	} {
		if got := PreviewOf(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}
