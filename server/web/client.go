package web

import "strings"

// A Device is the kind of device that requests a page.
type Device string

// The devices that have pages of their own.
const (
	IPhone  Device = "iphone"
	IPad    Device = "ipad"
	Mac     Device = "mac" // or an iPad whose Safari claims to be a Mac
	Android Device = "android"
	Other   Device = "other"
)

// Devices lists all devices.
func Devices() []Device { return []Device{IPhone, IPad, Mac, Android, Other} }

// Touch reports whether d is an iPhone or iPad.
func (d Device) Touch() bool { return d == IPhone || d == IPad }

// A Client is the device and program that sent a request, as far as they are
// known: words from a closed list, nothing that the client wrote.
type Client struct {
	Device  Device
	System  string // for example "iPhone"; "unknown system" if it isn't known
	Program string // for example "Safari"; "unknown program" if it isn't known
	Browser Browser
}

// A Browser says what a browser on an iPhone or iPad does with a profile.
type Browser string

// The browsers. The zero value passes a profile on to the device.
const (
	Asks  Browser = "asks"  // passes it on after one more question
	Saves Browser = "saves" // saves it to its own downloads
	App   Browser = "app"   // a page inside another app: mostly unable to
)

// String returns, for example, "Safari on iPhone".
func (c Client) String() string { return c.Program + " on " + c.System }

// systems and programs are searched in this order, because some names include
// others.
var (
	systems = []struct {
		mark, name string
		device     Device
	}{
		{"iPhone", "iPhone", IPhone},
		{"iPad", "iPad", IPad},
		{"iPod", "iPod", IPhone},
		{"Android", "Android", Android},
		{"Windows", "Windows", Other},
		{"CrOS", "ChromeOS", Other},
		{"Macintosh", "Mac", Mac},
		{"Linux", "Linux", Other},
	}
	programs = []struct {
		mark, name string
		browser    Browser // on an iPhone or iPad
	}{
		{"FBAN", "Facebook", App}, {"FBAV", "Facebook", App}, {"FB_IAB", "Facebook", App},
		{"Instagram", "Instagram", App}, {"LinkedInApp", "LinkedIn", App}, {" Line/", "LINE", App},
		{"MicroMessenger", "WeChat", App}, {"GSA/", "Google app", App}, {"KAKAOTALK", "KakaoTalk", App},
		{"Snapchat", "Snapchat", App}, {"BytedanceWebview", "TikTok", App}, {"musical_ly", "TikTok", App},
		{"EdgiOS", "Edge", Saves}, {"Edg/", "Edge", Saves},
		{"OPR/", "Opera", Saves}, {"OPiOS", "Opera", Saves}, {"OPT/", "Opera", Saves},
		{"FxiOS", "Firefox", Saves}, {"Firefox/", "Firefox", Saves}, {"Focus/", "Firefox Focus", Saves},
		{"DuckDuckGo", "DuckDuckGo", Saves}, {"Ddg/", "DuckDuckGo", Saves},
		{"CriOS", "Chrome", Asks}, {"Chrome/", "Chrome", Asks}, {"Brave/", "Brave", Asks},
		{"Safari/", "Safari", ""},
		{"curl/", "curl", ""},
	}
)

// ClientOf identifies the client by its User-Agent. An iPad claims to be a Mac
// unless mobile pages are requested. It counts as an iPad if the program
// exists only on iPads, or if an app's web view names no browser: such views
// are rare on a Mac. Safari's User-Agent is the same on both, and counts as a
// Mac.
func ClientOf(userAgent string) Client {
	c := Client{Device: Other, System: "unknown system", Program: "unknown program"}
	for _, s := range systems {
		if strings.Contains(userAgent, s.mark) {
			c.System, c.Device = s.name, s.device
			break
		}
	}
	for _, p := range programs {
		if strings.Contains(userAgent, p.mark) {
			c.Program, c.Browser = p.name, p.browser
			if c.Device == Mac && (p.browser == App || strings.HasSuffix(p.mark, "iOS") || p.mark == "OPT/") {
				c.System, c.Device = "iPad", IPad
			}
			return c.onItsSystem()
		}
	}
	if c.Device == Mac && strings.Contains(userAgent, "AppleWebKit") {
		c.System, c.Device = "iPad", IPad
	}
	if c.Device.Touch() {
		c.Browser = App // an app's own web view names no browser
	}
	return c
}

// onItsSystem skips what counts only on an iPhone or iPad.
func (c Client) onItsSystem() Client {
	if !c.Device.Touch() {
		c.Browser = ""
	}
	return c
}
