//go:build soak

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSoakTargets builds everything, and looks for a program for the right system
// and processor in each archive.
func TestSoakTargets(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	out := filepath.Join(t.TempDir(), "dist")
	b := build{root: "..", out: out, version: "v0.1.0"}
	if err := b.run(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(read(t, filepath.Join(out, "SHA256SUMS")))) {
		names = append(names, strings.TrimPrefix(strings.Fields(line)[1], "mobileconfig_0.1.0_"))
	}
	want := []string{"darwin_arm64.tar.gz", "windows_amd64.zip"}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, ending := range []string{".cdx.json", ".deb", ".image.tar", ".tar.gz"} {
			want = append(want, "linux_"+arch+ending)
		}
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("built %v, want %v", names, want)
	}
	for name, machine := range map[string]string{
		"linux_amd64.tar.gz": "EM_X86_64", "linux_arm64.tar.gz": "EM_AARCH64", "darwin_arm64.tar.gz": "CpuArm64", "windows_amd64.zip": "8664",
	} {
		program, err := programIn(read(t, filepath.Join(out, "mobileconfig_0.1.0_"+name)), name)
		if err == nil {
			var got string
			if got, err = machineOf(program); err == nil && got != machine {
				err = fmt.Errorf("the program is for %s, want %s", got, machine)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// programIn returns the program in an archive.
func programIn(archive []byte, name string) ([]byte, error) {
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			return nil, err
		}
		f, err := z.Open("mobileconfig.exe")
		if err != nil {
			return nil, err
		}
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if err != nil {
			return nil, err
		}
		if filepath.Base(h.Name) == "mobileconfig" && h.Mode == 0o755 {
			return io.ReadAll(in)
		}
	}
}

// machineOf returns the processor that a program is for.
func machineOf(program []byte) (string, error) {
	in := bytes.NewReader(program)
	if f, err := elf.NewFile(in); err == nil {
		return f.Machine.String(), nil
	}
	if f, err := macho.NewFile(in); err == nil {
		return f.Cpu.String(), nil
	}
	if f, err := pe.NewFile(in); err == nil {
		return fmt.Sprintf("%x", f.Machine), nil
	}
	return "", errors.New("it isn't a program")
}
