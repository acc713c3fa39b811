package web

import "strings"

// previews are strings in the User-Agent of programs that fetch the URL in a
// message, to show or check what is behind it.
var previews = []struct{ mark, name string }{
	{"slackbot", "slack"}, {"whatsapp", "whatsapp"}, {"telegrambot", "telegram"}, {"discordbot", "discord"},
	{"facebookexternalhit", "facebook"}, {"facebot", "facebook"}, // iMessage says so too
	{"twitterbot", "twitter"}, {"linkedinbot", "linkedin"}, {"mattermost", "mattermost"},
	{"skypeuripreview", "teams"}, {"microsoftpreview", "teams"}, {"teamsbot", "teams"},
	{"safelinks", "outlook"}, {"ms-office", "outlook"}, {"microsoft office", "outlook"}, {"microsoft outlook", "outlook"}, {"bingpreview", "outlook"},
	{"google-read-aloud", "google"}, {"googleimageproxy", "google"}, {"google-safety", "google"}, {"googlebot", "google"},
}

// PreviewOf returns the name of the program that previews links in messages,
// by its User-Agent: a word from a closed list, or an empty text for any other
// client. Use it only for statistics, because any client can claim to be one.
func PreviewOf(userAgent string) string {
	lower := strings.ToLower(userAgent)
	for _, p := range previews {
		if strings.Contains(lower, p.mark) {
			return p.name
		}
	}
	return ""
}
