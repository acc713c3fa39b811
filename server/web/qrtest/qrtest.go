// Package qrtest reads QR codes as a phone does: Debian's zbarimg looks at the
// picture, and rsvg-convert draws what is an SVG. Where one of them is not
// installed the test is skipped, unless MOBILECONFIG_TEST_ALL is 1.
package qrtest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// nothing is how zbarimg ends that finds no code.
const nothing = 4

// ReadPNG returns what the codes in the picture say, or nothing without one.
func ReadPNG(t testing.TB, picture []byte) string {
	t.Helper()
	return string(run(t, picture, "zbarimg", "--quiet", "--nodbus", "--raw", "-Sdisable", "-Sqrcode.enable", "-Sbinary", "png:-"))
}

// ReadSVG returns what the code in the drawing says, as it looks in the
// width of a phone on a background of the color.
func ReadSVG(t testing.TB, drawing []byte, background string) string {
	t.Helper()
	return ReadPNG(t, run(t, drawing, "rsvg-convert", "--width=320", "--keep-aspect-ratio", "--background-color="+background))
}

// run returns what the program makes of its input.
func run(t testing.TB, input []byte, program string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("MOBILECONFIG_TEST_ALL") != "1" {
		t.Skipf("%s is not installed", program)
	}
	if err != nil {
		t.Fatal(err)
	}
	var output, failure bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &output, &failure
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != nothing {
		t.Fatalf("%s: %v %s", program, err, failure.Bytes())
	}
	return output.Bytes()
}
