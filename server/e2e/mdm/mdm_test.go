// Package mdm manages simulated devices with released versions of NanoMDM and
// KMFDDM, and sends them the program's output.
package mdm

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// programs is the folder with the program.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mobileconfig-mdm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "mobileconfig"), "github.com/updatecase/mobileconfig/cmd/mobileconfig")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// TestDevices sends batches and declarations to 20 devices.
func TestDevices(t *testing.T) { manage(t, 20) }

// A fleet is people with their devices: iPhones, and a Mac with two channels.
type fleet struct {
	dir     string // with the files for the command line
	iphones []*device
	mac     *device // its device channel
	macUser *device
}

// all returns the channels of all devices.
func (f *fleet) all() []*device { return append(slices.Clone(f.iphones), f.mac, f.macUser) }

// newFleet enrolls n devices, and writes the list of their people.
func newFleet(t *testing.T, m *management, n int) *fleet {
	t.Helper()
	f := &fleet{dir: t.TempDir()}
	signingtest.WriteFiles(t, f.dir)
	root, err := os.ReadFile(filepath.Join(f.dir, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	newDevice := func(user string) *device {
		id := m.authority.Leaf(t, "p256", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
		return &device{udid: strings.ToUpper(uuid.NewString()), user: user, server: "http://" + m.nanomdm + "/mdm", identity: id, roots: roots, profiles: map[string]installed{}}
	}
	people, enrollments := "email,display_name,platform,udid\n", "email,enrollment_id\n"
	for i := range n - 1 {
		d := newDevice("")
		f.iphones = append(f.iphones, d)
		people += fmt.Sprintf("jane%d@example.com,Jane Doe,iphone,%s\n", i, d.udid)
	}
	f.mac, f.macUser = newDevice(""), newDevice(strings.ToUpper(uuid.NewString()))
	f.macUser.udid, f.macUser.identity = f.mac.udid, f.mac.identity
	people += "joe@example.com,Joe,mac,\n"
	enrollments += "Joe@example.com," + f.mac.enrollment() + "\njoe@example.com," + f.macUser.enrollment() + "\n"
	for name, text := range map[string]string{
		"people.csv": people, "enrollments.csv": enrollments, "nanomdm.key": nanoKey + "\n", "kmfddm.key": kmfddmKey, "webhook.key": webhookKey,
	} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	each(t, f.iphones, (*device).enroll)
	each(t, []*device{f.mac}, (*device).enroll)
	each(t, []*device{f.macUser}, (*device).enroll)
	return f
}

// each calls do for several devices at a time.
func each(t *testing.T, all []*device, do func(*device) error) {
	t.Helper()
	var group sync.WaitGroup
	room := make(chan struct{}, 8)
	for _, d := range all {
		room <- struct{}{}
		group.Go(func() {
			if err := do(d); err != nil {
				t.Errorf("%s: %v", d.enrollment(), err)
			}
			<-room
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// mobileconfig runs the program in the fleet's folder.
func (f *fleet) mobileconfig(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, "mobileconfig"), args...)
	cmd.Dir = f.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%.2000s", args, err, out)
	}
}

// batch creates the profiles of everybody, with the policy, and unpacks them.
func (f *fleet) batch(t *testing.T, imap, out string, flags ...string) {
	t.Helper()
	f.mobileconfig(t, append([]string{"batch", "--input", "people.csv", "--imap", imap, "--smtp", "smtp.example.com", "--variant", "secure",
		"--signing-cert", "fullchain.pem", "--signing-key", "key.pem", "--signing-roots", "root.pem", "-o", out + ".zip"}, flags...)...)
	if out, err := exec.Command("unzip", "-q", filepath.Join(f.dir, out+".zip"), "-d", filepath.Join(f.dir, out)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// manage sends n devices two batches and declarations.
func manage(t *testing.T, n int) {
	m := startManagement(t)
	f := newFleet(t, m, n)
	deliveries := n + 1 // the Mac gets two files
	f.batch(t, "imap.example.com", "first")
	firstBatch(t, m, f, deliveries)
	f.holds(t, "imap.example.com")

	// Pushing the same batch again does nothing, also after unpacking the
	// archive.
	for _, batch := range []string{"first.zip", "first"} {
		again := m.push(t, f.dir, batch, true)
		if code := again.end(t); code != 0 || again.counts["delivery"] != 0 {
			t.Fatalf("%s again: exit code %d, %d deliveries\n%s", batch, code, again.counts["delivery"], again.log.String())
		}
	}

	f.batch(t, "imap2.example.com", "second", "--declarations")
	second := m.push(t, f.dir, "second.zip", true, "--kmfddm", "http://"+m.kmfddm, "--kmfddm-key-file", "kmfddm.key", "--declarations", "second/declarations/example.com/iphone")
	second.until(t, func(event string) bool { return event == "waiting" })
	each(t, f.all(), (*device).connect)
	if code := second.end(t); code != 0 || second.count("installed") != deliveries {
		t.Fatalf("the second batch: exit code %d, %d installed, want %d\n%s", code, second.count("installed"), deliveries, second.log.String())
	}
	f.holds(t, "imap2.example.com")
	m.lists(t, f)
	f.declared(t, second)
}

// firstBatch sends the first batch to devices of which one is offline, one is
// busy and one fails at first.
func firstBatch(t *testing.T, m *management, f *fleet, deliveries int) {
	t.Helper()
	offline, busy, broken := f.iphones[0], f.iphones[1], f.iphones[2]
	busy.busy, broken.broken = 1, 1
	first := m.push(t, f.dir, "first.zip", true)
	first.until(t, func(event string) bool { return event == "waiting" })
	if n := first.count("queued"); n != deliveries {
		t.Fatalf("%d queued, want %d\n%s", n, deliveries, first.log.String())
	}
	online := slices.DeleteFunc(f.all(), func(d *device) bool { return d == offline })
	each(t, online, (*device).connect)
	first.until(t, func(string) bool { return first.count("installed") == deliveries-3 && first.count("not_now") == 1 })
	each(t, []*device{busy}, (*device).connect)
	// Refused profiles are sent again at once; the device fetches them when it
	// connects.
	first.until(t, func(string) bool { return first.count("installed") == deliveries-2 && first.count("refused") == 0 })
	each(t, []*device{broken}, (*device).connect)
	first.until(t, func(string) bool { return first.count("installed") == deliveries-1 })
	if len(offline.profiles) != 0 || first.count("queued") != 1 {
		t.Errorf("the device that is offline: %d profiles, %d queued", len(offline.profiles), first.count("queued"))
	}
	each(t, []*device{offline}, (*device).connect)
	if code := first.end(t); code != 0 || first.count("installed") != deliveries {
		t.Fatalf("exit code %d, %d installed, want %d\n%s", code, first.count("installed"), deliveries, first.log.String())
	}
}

// holds checks that each channel has one profile, with the newest settings,
// signed below the root.
func (f *fleet) holds(t *testing.T, imap string) {
	t.Helper()
	for _, d := range f.all() {
		want := []string{"com.apple.mail.managed", "com.apple.mobiledevice.passwordpolicy"}
		switch d {
		case f.mac:
			want = want[1:]
		case f.macUser:
			want = want[:1]
		}
		if len(d.profiles) != 1 {
			t.Errorf("%s has %d profiles", d.enrollment(), len(d.profiles))
		}
		for _, p := range d.profiles {
			if !slices.Equal(p.types, want) || p.signer != "setup.example.com" {
				t.Errorf("%s has %v, signed by %q", d.enrollment(), p.types, p.signer)
			}
			if d != f.mac && !bytes.Contains(p.content, []byte("<string>"+imap+"</string>")) {
				t.Errorf("%s has an old profile", d.enrollment())
			}
		}
	}
}

// lists asks each device for its profiles, as an administrator would.
func (m *management) lists(t *testing.T, f *fleet) {
	t.Helper()
	for n, d := range f.all() {
		var answer struct {
			ProfileList []struct{ PayloadIdentifier, PayloadUUID string }
		}
		if err := plist.Unmarshal(m.ask(t, d, "ProfileList", fmt.Sprintf("list-%d", n)), &answer); err != nil {
			t.Fatalf("%s: %v", d.enrollment(), err)
		}
		if len(answer.ProfileList) != 1 || d.profiles[answer.ProfileList[0].PayloadIdentifier].uuid != answer.ProfileList[0].PayloadUUID {
			t.Errorf("%s lists %v", d.enrollment(), answer.ProfileList)
		}
	}
}

// declared checks the declarations on each iPhone, and that its report is
// known.
func (f *fleet) declared(t *testing.T, p *pushing) {
	t.Helper()
	for _, d := range f.iphones {
		for _, name := range []string{"passcode", "activation"} {
			if d.declarations["com.example.mobileconfig.iphone."+name] == nil {
				t.Errorf("%s lacks the declaration %s", d.enrollment(), name)
			}
		}
	}
	if len(f.mac.declarations) != 0 {
		t.Error("the Mac has the declarations of iPhones")
	}
	report := string(p.last["declared"])
	if n := strings.Count(report, `"active":true,"valid":"valid","current":true`); n != 2*len(f.iphones) {
		t.Errorf("%d declarations are reported as active, want %d:\n%.500s", n, 2*len(f.iphones), report)
	}
}
