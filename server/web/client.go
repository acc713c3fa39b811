package web

import "strings"

// A Device is a kind of device that asks for a page.
type Device string

// The devices that pages are made for.
const (
	IPhone  Device = "iphone"
	IPad    Device = "ipad"
	Mac     Device = "mac" // or an iPad whose Safari says so
	Android Device = "android"
	Other   Device = "other"
)

// Devices lists all devices.
func Devices() []Device { return []Device{IPhone, IPad, Mac, Android, Other} }

// Touch reports whether d is an iPhone or iPad.
func (d Device) Touch() bool { return d == IPhone || d == IPad }

// A Client is the device and program that sent a request, as far as they can
// be told: words of a closed list, nothing of what the client wrote.
type Client struct {
	Device  Device
	System  string // such as "iPhone"; "unknown system" if it cannot be told
	Program string // such as "Safari"; "unknown program" if it cannot be told
	Browser Browser
}

// A Browser says how far a program on an iPhone or iPad brings a profile.
type Browser string

// The browsers. The zero value hands a profile to the device.
const (
	Asks  Browser = "asks"  // hands it over, and asks one question more
	Saves Browser = "saves" // into its own downloads
	App   Browser = "app"   // a page inside another app: mostly not at all
)

// String is "Safari on iPhone".
func (c Client) String() string { return c.Program + " on " + c.System }

// systems and programs are looked for in this order: some name others.
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

// ClientOf tells the client from its User-Agent. An iPad says that it is a Mac
// unless it is asked for a mobile page. It's an iPad where the program exists on
// iPads alone, or where an app's own web view names no browser: such views are
// rare on a Mac. Safari's User-Agent is the same on both, and counts as a Mac.
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

// onItsSystem leaves out what only counts on an iPhone or iPad.
func (c Client) onItsSystem() Client {
	if !c.Device.Touch() {
		c.Browser = ""
	}
	return c
}
