package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// The beginnings of pages, by device.
const (
	iPhonePage  = "<h1>Set up email on this\u00a0iPhone</h1>"
	iPadPage    = "<h1>Set up email on this\u00a0iPad</h1>"
	macPage     = "<h1>Set up email on this\u00a0Mac</h1>"
	androidPage = "<h1>Set up email on this Android device</h1>"
	otherPage   = "<h1>Set up email on your iPhone\u00a0or\u00a0iPad</h1>"
)

// TestDevices checks that each device and program gets its page: its title,
// and the way to Safari for programs that don't pass profiles on.
func TestDevices(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), servertest.Unhurried)
	link := s.Link("jane@example.com")
	const (
		iPhone                 = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		iPad                   = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		mac                    = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		android                = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
		windows                = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
		toSafari, inApp, saves = `id="browser"`, "inside an app", `<p class="lead">This browser can only save the profile.`
	)
	tests := []struct {
		name, agent, heading string
		says, not            []string
	}{
		{"Safari on iPhone", iPhone + "Version/18.6 Mobile/15E148 Safari/604.1", iPhonePage, []string{`value="iphone"`, "Your iPhone passcode"}, []string{toSafari}},
		{"Chrome on iPhone", iPhone + "CriOS/140.0 Mobile/15E148 Safari/604.1", iPhonePage, nil, []string{toSafari}},
		{"Firefox on iPhone", iPhone + "FxiOS/140.0 Mobile/15E148 Safari/605.1.15", iPhonePage, []string{toSafari, saves}, []string{inApp}},
		{"Focus on iPhone", iPhone + "FxiOS/140.0 Focus/140.0 Mobile/15E148", iPhonePage, []string{toSafari, saves}, nil},
		{"DuckDuckGo on iPhone", iPhone + "Version/18.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", iPhonePage, []string{toSafari, saves}, nil},
		{"Edge on iPhone", iPhone + "EdgiOS/140.0 Version/18.0 Mobile/15E148 Safari/604.1", iPhonePage, []string{toSafari, saves}, nil},
		{"Opera on iPhone", iPhone + "Version/18.6 Mobile/15E148 Safari/604.1 OPT/6.0", iPhonePage, []string{toSafari, saves}, nil},
		{"Facebook on iPhone", iPhone + "Mobile/22G86 [FBAN/FBIOS;FBAV/520.0;FBDV/iPhone15,2]", iPhonePage, []string{toSafari, inApp}, nil},
		{"Instagram on iPhone", iPhone + "Mobile/22G86 Instagram 390.0 (iPhone15,2)", iPhonePage, []string{toSafari, inApp}, nil},
		{"a web view on iPhone", iPhone + "Mobile/22G86", iPhonePage, []string{toSafari, inApp}, nil},
		{"Safari on iPad", iPad + "Version/18.6 Mobile/15E148 Safari/604.1", iPadPage, []string{`value="iphone"`, "Your iPad passcode", "The iPad asks first"}, []string{"iPhone", toSafari}},
		{"Firefox on iPad", mac + "FxiOS/143.0 Safari/605.1.15", iPadPage, []string{toSafari, saves}, []string{"iPhone"}},
		{"Chrome on iPad", mac + "CriOS/140 Version/11.1.1 Safari/605.1.15", iPadPage, nil, []string{"iPhone"}},
		{"a web view on iPad", mac, iPadPage, []string{inApp, "Your iPad passcode"}, []string{"iPhone"}},
		{"Facebook on iPad", mac + "[FBAN/FBIOS;FBDV/iPad13,4]", iPadPage, []string{inApp}, []string{"iPhone"}},
		{"Safari on Mac, or an iPad that says so", mac + "Version/18.6 Safari/605.1.15", macPage, []string{`data-ipad="` + link + `?device=ipad"`, "This is an iPad", `value="mac"`}, nil},
		{"Chrome on Mac", mac + "Chrome/140.0.0.0 Safari/537.36", macPage, nil, []string{toSafari}},
		{"Firefox on Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0", macPage, nil, nil},
		{"Chrome on Android", android + "Chrome/140.0.0.0 Mobile Safari/537.36", androidPage, []string{"Thunderbird", "/thunderbird.svg", "imap.example.com", "data-print"}, []string{"Point your phone’s camera at the code", `value="mac"`}},
		{"Firefox on Android", "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", androidPage, []string{"Gmail app"}, nil},
		{"a web view on Android", android + "Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/520.0]", androidPage, nil, []string{toSafari}},
		{"Chrome on Windows", windows + "Chrome/140.0.0.0 Safari/537.36", otherPage, []string{"/qr.svg", "?device=android"}, nil},
		{"Edge on Windows", windows + "Chrome/140.0.0.0 Safari/537.36 Edg/140.0", otherPage, nil, []string{toSafari}},
		{"Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", otherPage, nil, nil},
		{"Chrome on ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", otherPage, nil, nil},
		{"nothing", "", otherPage, nil, nil},
	}
	if len(tests) < 24 {
		t.Fatalf("%d user agents", len(tests))
	}
	for _, tt := range tests {
		a := s.Do(http.MethodGet, link, http.Header{"User-Agent": {tt.agent}}, "")
		body := string(a.Body)
		if a.Status != http.StatusOK || !strings.Contains(body, tt.heading) {
			t.Errorf("%s: %d, not %s", tt.name, a.Status, tt.heading)
		}
		for _, want := range tt.says {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q", tt.name, want)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(body, not) {
				t.Errorf("%s: %q", tt.name, not)
			}
		}
	}

	// Visitors can correct the device, and it stays corrected when something
	// is refused.
	named := map[string]string{"iphone": iPhonePage, "ipad": iPadPage, "mac": macPage, "android": androidPage, "other": otherPage, "fridge": iPhonePage, "": iPhonePage}
	for device, heading := range named {
		if body := string(s.Get(link + "?device=" + device).Body); !strings.Contains(body, heading) {
			t.Errorf("?device=%s: not %s", device, heading)
		}
	}
	if body := string(s.Get(link + "?device=ipad").Body); !strings.Contains(body, `action="`+link+`/profile?device=ipad"`) {
		t.Error("the form of an iPad's page forgets the device")
	}
	a := s.Do(http.MethodPost, link+"/profile?device=ipad", http.Header{"User-Agent": {servertest.Mac}}, "variant=secure&platform=iphone")
	if a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), iPadPage) {
		t.Errorf("refused: %d", a.Status)
	}
}

// TestAfterDownload checks that returning visitors see first what is left to
// do.
func TestAfterDownload(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	link := s.Link("jane@example.com")
	before := string(s.Get(link).Body)
	if strings.Contains(before, "Now open Settings") || !strings.Contains(before, "After the download") {
		t.Error("the page before the download")
	}
	s.Ticket(link, "mail")
	body := string(s.Get(link).Body)
	if at := strings.Index(body, "Now open Settings"); at < 0 || at > strings.Index(body, "<form") || !strings.Contains(body, "You’re done when") {
		t.Error("the page after the download does not begin with what is left")
	}
}
