package batch_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// members are the files of an archive, in their order.
func members(t testing.TB, name string) (names []string, contents map[string][]byte) {
	t.Helper()
	r, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	contents = map[string][]byte{}
	for _, f := range r.File {
		names = append(names, f.Name)
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
		in.Close()
	}
	return names, contents
}

// signatures matches what differs between two runs: digests and sizes of signed
// files.
var signatures = regexp.MustCompile(`"file_sha256":"[0-9a-f]{64}","bytes":\d+`)

// same returns a digest of what two runs of a batch have in common: everything
// except times and signatures. It verifies one in twenty signatures, and all checksums
// of the manifest.
func same(t testing.TB, archives ...string) string {
	t.Helper()
	h, profiles := sha256.New(), 0
	for _, archive := range archives {
		names, contents := members(t, archive)
		for _, name := range names {
			data := contents[name]
			switch {
			case strings.HasSuffix(name, ".mobileconfig"):
				if profiles++; profiles%20 == 1 {
					if _, err := signing.Open(data); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				data = signingtest.Content(t, data)
			case name == "manifest.csv":
				rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows[1:] {
					if sum := sha256.Sum256(contents[row[3]]); hex.EncodeToString(sum[:]) != row[7] {
						t.Errorf("%s isn't what the manifest says", row[3])
					}
					row[7], row[8] = "", ""
				}
				data = fmt.Append(nil, rows)
			case name == "manifest.json":
				data = signatures.ReplaceAll(data, nil)
			case strings.HasPrefix(name, "SHA256SUMS"):
				continue
			}
			fmt.Fprintf(h, "%s %d\n", name, len(data))
			h.Write(data)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// extract unpacks an archive into a folder.
func extract(t testing.TB, archive string) string {
	t.Helper()
	dir := t.TempDir()
	names, contents := members(t, archive)
	for _, name := range names {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, contents[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// everything is a batch with two files each for an iPhone and a Mac.
var everything = batch.Defaults{Platforms: batch.Both, Variant: settings.Secure, Locale: "de"}

// checkManifests checks that both manifests name exactly the profiles of an
// archive, with their digests, and returns how many there are.
func checkManifests(t *testing.T, contents map[string][]byte) int {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(contents["manifest.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Schema int `json:"schema_version"`
		Files  int `json:"files"`
		Rows   []struct {
			Row     int    `json:"row"`
			File    string `json:"file"`
			Digest  string `json:"file_sha256"`
			Content string `json:"content_sha256"`
			UUID    string `json:"profile_uuid"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(contents["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	profiles := 0
	for name := range contents {
		if strings.HasSuffix(name, ".mobileconfig") {
			profiles++
		}
	}
	if len(rows)-1 != profiles || len(manifest.Rows) != profiles || manifest.Files != profiles || manifest.Schema != 1 {
		t.Fatalf("%d profiles, manifests of %d and %d", profiles, len(rows)-1, len(manifest.Rows))
	}
	for i, row := range rows[1:] {
		m := manifest.Rows[i]
		data := contents[row[3]]
		sum := sha256.Sum256(data)
		if row[0] != fmt.Sprint(m.Row) || row[3] != m.File || row[7] != hex.EncodeToString(sum[:]) || row[7] != m.Digest || row[6] != m.Content || row[8] != fmt.Sprint(len(data)) || row[5] != m.UUID {
			t.Fatalf("row %d: %q, %+v", i, row, m)
		}
		if i%500 == 0 {
			envelope, err := signing.Open(data)
			if err != nil {
				t.Fatal(err)
			}
			content := sha256.Sum256(envelope.Content)
			if row[6] != hex.EncodeToString(content[:]) || !bytes.Contains(envelope.Content, []byte(row[4])) || !bytes.Contains(envelope.Content, []byte(row[5])) {
				t.Errorf("%q doesn't fit its profile", row)
			}
		}
	}
	return profiles
}

var safeName = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z._@-]*$`)

// checkRules reads an archive byte by byte, as macOS and others do, and refuses
// what one of them doesn't accept.
func checkRules(t testing.TB, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	end := data[len(data)-22:]
	if le.Uint32(end) != 0x06054b50 || le.Uint32(end[4:]) != 0 || le.Uint16(end[20:]) != 0 {
		t.Fatalf("%s: the end of the directory isn't the end of the file", name)
	}
	count, size, start := int(le.Uint16(end[10:])), le.Uint32(end[12:]), le.Uint32(end[16:])
	if int(start)+int(size)+22 != len(data) || count == 0xffff || start == 0xffffffff {
		t.Fatalf("%s: %d files, directory of %d bytes at %d", name, count, size, start)
	}
	next, profiles := 0, 0
	folders, seen := map[string]int{}, map[string]bool{}
	directory := data[start : start+size]
	for range count {
		d := directory
		n, offset := int(le.Uint16(d[28:])), int(le.Uint32(d[42:]))
		file := string(d[46 : 46+n])
		local := data[offset:]
		switch {
		case le.Uint32(d) != 0x02014b50 || le.Uint32(local) != 0x04034b50 || offset != next:
			t.Fatalf("%s: %s isn't at its place", name, file)
		case le.Uint16(d[30:]) != 0 || le.Uint16(d[32:]) != 0 || le.Uint16(local[28:]) != 0:
			t.Errorf("%s: %s has extra fields", name, file)
		case le.Uint16(local[6:]) != 0 || le.Uint16(local[8:]) != 0:
			t.Errorf("%s: %s has flags or is compressed", name, file)
		case !bytes.Equal(d[6:30], local[4:28]):
			t.Errorf("%s: %s differs between directory and file", name, file)
		case le.Uint32(local[18:]) != le.Uint32(local[22:]):
			t.Errorf("%s: sizes of %s", name, file)
		case le.Uint32(local[10:]) != 1<<21|1<<16:
			t.Errorf("%s: time of %s", name, file)
		}
		for part := range strings.SplitSeq(file, "/") {
			stem, _, _ := strings.Cut(strings.ToLower(part), ".")
			if !safeName.MatchString(part) || len(part) > 140 || regexp.MustCompile(`^(con|prn|aux|nul|com\d|lpt\d)$`).MatchString(stem) {
				t.Errorf("%s: %q isn't safe", name, file)
			}
		}
		if lower := strings.ToLower(file); seen[lower] {
			t.Errorf("%s: %s is there twice", name, file)
		} else {
			seen[lower] = true
		}
		if folders[path.Dir(file)]++; folders[path.Dir(file)] > batch.FolderFiles {
			t.Fatalf("%s: too many files in %s", name, path.Dir(file))
		}
		if strings.HasSuffix(file, ".mobileconfig") {
			profiles++
		}
		next = offset + 30 + n + int(le.Uint32(local[22:]))
		directory = directory[46+n:]
	}
	if next != int(start) || profiles > batch.PartFiles {
		t.Errorf("%s: %d profiles, gap before the directory", name, profiles)
	}
}

// hostileAddresses are mailboxes that profile.ParseAddress accepts and that try
// to collide, to leave a folder or to have a meaning to a system.
func hostileAddresses(n int) []string {
	words := []string{"con", "CON.txt", "nul", "com1", "lpt9.a", "aux", "-rf", "--", "!", "#", "$HOME", "%00", "&", "'", "*", "+", "/etc/passwd", "a/../../b", "=cmd|calc", "?", "^", "_", "`id`", "{a,b}", "|sh", "~root",
		"ä", "Ä", "山田", "é", "e\u0301", "jane.doe", "JANE.doe2", strings.Repeat("x", 64), strings.Repeat("-", 63), "ß", "ſ", "K", "desktop.ini", "thumbs.db", "icon", "a'b", "a\u0301"}
	var out []string
	for i := 0; len(out) < n; i++ {
		word := words[i%len(words)]
		if i >= len(words) {
			number := fmt.Sprint(i / len(words))
			word = word[:min(len(word), 64-len(number))]
			for !strings.Contains("0123456789", word[len(word)-1:]) && word[len(word)-1] >= 0x80 && len(word) > 58 {
				word = word[:len(word)-1]
			}
			word += number
		}
		out = append(out, word+"@"+[]string{"example.com", "EXAMPLE.org", "xn--mnchen-3ya.de", "münchen.example", strings.Repeat("a.", 80) + "example"}[i%5])
	}
	return out
}

// checkFormulas checks that no value of a CSV begins like a formula.
func checkFormulas(t *testing.T, data []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	marks := 0
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(string([]rune(cell)[0]), "=+-@\t\r\n\x00＝＋－＠") {
				t.Fatalf("%q begins a formula", cell)
			}
			if strings.HasPrefix(cell, "'") {
				marks++
			}
		}
	}
	if marks == 0 {
		t.Error("nothing was marked")
	}
}

// TestFormulas writes values and reads them again.
func TestFormulas(t *testing.T) {
	for _, value := range []string{"", "x", "=1", "+1", "-1", "@a", "'=1", "''=1", "'", "''", "'t Hooft", "\t", "\r", "\n", "\x00", "＝1", "＠", "a=b", "\"=\"", "'＋"} {
		line := string(batch.AppendCSV(nil, value))
		if got := batch.Unmarked(strings.ReplaceAll(line[1:len(line)-3], `""`, `"`)); got != value {
			t.Errorf("%q became %q by %q", value, got, line)
		}
		if first := []rune(line)[1]; strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", first) {
			t.Errorf("%q begins a formula", line)
		}
	}
}

func allFiles(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
