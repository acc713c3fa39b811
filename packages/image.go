package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is the user of the image.
const nobody = 65532

// image writes a container image with the program and the certificates of public
// authorities, for docker load, podman load and skopeo.
func (b *build) image(t target, program string) error {
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var roots bytes.Buffer
	for root := range bundle.Roots() {
		if err := pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return err
		}
	}
	var layer bytes.Buffer
	err = b.tar(&layer, []file{
		{"data/", 0o700, nil},
		{"etc/", 0o755, nil}, {"etc/ssl/", 0o755, nil}, {"etc/ssl/certs/", 0o755, nil}, {"etc/ssl/certs/ca-certificates.crt", 0o644, roots.Bytes()},
		{"mobileconfig", 0o755, data},
	})
	if err != nil {
		return err
	}
	packed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		return err
	}
	image, err := mutate.Append(empty.Image, mutate.Addendum{Layer: packed, History: v1.History{Created: v1.Time{Time: b.at}, CreatedBy: "mobileconfig"}})
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = t.os, t.arch, v1.Time{Time: b.at}
	config.Config = v1.Config{
		User:         "65532:65532",
		Entrypoint:   []string{"/mobileconfig"},
		Cmd:          []string{"serve"},
		Env:          []string{"MOBILECONFIG_DATA=/data/mobileconfig", "MOBILECONFIG_LISTEN=:8080", "GOTRACEBACK=none"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Volumes:      map[string]struct{}{"/data": {}},
		Healthcheck:  &v1.HealthConfig{Test: []string{"CMD", "/mobileconfig", "healthcheck"}, Interval: 30e9, Timeout: 6e9, StartPeriod: 30e9, Retries: 3},
		Labels:       map[string]string{"org.opencontainers.image.source": "https://github.com/updatecase/mobileconfig", "org.opencontainers.image.version": b.version},
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	tag, err := name.NewTag("mobileconfig:" + b.version)
	if err != nil {
		return err
	}
	out, err := os.Create(b.name(t, ".image.tar"))
	if err != nil {
		return err
	}
	defer out.Close()
	return tarball.Write(tag, image, out)
}
