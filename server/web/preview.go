package web

import "strings"

// previews are marks in the User-Agent of programs that fetch an address which
// somebody sent, to show or check what is behind it.
var previews = []struct{ mark, name string }{
	{"slackbot", "slack"}, {"whatsapp", "whatsapp"}, {"telegrambot", "telegram"}, {"discordbot", "discord"},
	{"facebookexternalhit", "facebook"}, {"facebot", "facebook"}, // iMessage says so too
	{"twitterbot", "twitter"}, {"linkedinbot", "linkedin"}, {"mattermost", "mattermost"},
	{"skypeuripreview", "teams"}, {"microsoftpreview", "teams"}, {"teamsbot", "teams"},
	{"safelinks", "outlook"}, {"ms-office", "outlook"}, {"microsoft office", "outlook"}, {"microsoft outlook", "outlook"}, {"bingpreview", "outlook"},
	{"google-read-aloud", "google"}, {"googleimageproxy", "google"}, {"google-safety", "google"}, {"googlebot", "google"},
}

// PreviewOf names the program that previews what people send one another, by
// its User-Agent: a word of a closed list, empty for any other client. Nothing
// may depend on it but figures, for anybody can say so of themselves.
func PreviewOf(userAgent string) string {
	lower := strings.ToLower(userAgent)
	for _, p := range previews {
		if strings.Contains(lower, p.mark) {
			return p.name
		}
	}
	return ""
}
