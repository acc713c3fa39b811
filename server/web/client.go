package web

import "strings"

// A Device is a kind of device that asks for a page.
type Device string

// The devices that pages are made for.
const (
	IPhone Device = "iphone" // iPhone or iPad
	Mac    Device = "mac"    // or an iPad that says so
	Other  Device = "other"
)

// A Client is the device and program that sent a request, as far as they can
// be told: words of a closed list, nothing of what the client wrote.
type Client struct {
	Device  Device
	System  string // such as "iPhone"; "unknown system" if it cannot be told
	Program string // such as "Safari"; "unknown program" if it cannot be told
}

// String is "Safari on iPhone".
func (c Client) String() string { return c.Program + " on " + c.System }

// systems and programs are looked for in this order: some name others.
var (
	systems = []struct {
		mark, name string
		device     Device
	}{
		{"iPhone", "iPhone", IPhone},
		{"iPad", "iPad", IPhone},
		{"iPod", "iPod", IPhone},
		{"Android", "Android", Other},
		{"Windows", "Windows", Other},
		{"CrOS", "ChromeOS", Other},
		{"Macintosh", "Mac", Mac},
		{"Linux", "Linux", Other},
	}
	programs = []struct{ mark, name string }{
		{"EdgiOS", "Edge"}, {"Edg/", "Edge"},
		{"OPR/", "Opera"}, {"OPiOS", "Opera"},
		{"FxiOS", "Firefox"}, {"Firefox/", "Firefox"},
		{"DuckDuckGo", "DuckDuckGo"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	}
)

// ClientOf tells the client from its User-Agent.
func ClientOf(userAgent string) Client {
	c := Client{Other, "unknown system", "unknown program"}
	for _, s := range systems {
		if strings.Contains(userAgent, s.mark) {
			c.System, c.Device = s.name, s.device
			break
		}
	}
	for _, p := range programs {
		if strings.Contains(userAgent, p.mark) {
			c.Program = p.name
			break
		}
	}
	return c
}
