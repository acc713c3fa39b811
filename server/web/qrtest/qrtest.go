// Package qrtest reads QR codes as a phone does, with Debian's zbarimg;
// rsvg-convert renders SVG. If one of them isn't installed, the test is
// skipped, unless MOBILECONFIG_TEST_ALL is 1.
package qrtest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// nothing is zbarimg's exit code if it finds no code.
const nothing = 4

// ReadPNG returns the texts of the codes in the picture, or nothing if there
// is none.
func ReadPNG(t testing.TB, picture []byte) string {
	t.Helper()
	return string(run(t, picture, "zbarimg", "--quiet", "--nodbus", "--raw", "-Sdisable", "-Sqrcode.enable", "-Sbinary", "png:-"))
}

// ReadSVG returns the text of the code in the drawing, rendered at the width
// of a phone on a background of the color.
func ReadSVG(t testing.TB, drawing []byte, background string) string {
	t.Helper()
	return ReadPNG(t, run(t, drawing, "rsvg-convert", "--width=320", "--keep-aspect-ratio", "--background-color="+background))
}

// run returns the program's output for the input.
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
