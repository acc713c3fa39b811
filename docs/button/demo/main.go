// Command demo is a hosting panel that only has the button, in all three forms,
// for one mailbox:
//
//	go run ./docs/button/demo -service http://127.0.0.1:8080 -key-file FILE -mailbox jane@example.com
//
// The file contains an API key with the scopes links:write and keys:write. The
// program registers a public key for itself and deletes it at the end.
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	button "github.com/updatecase/mobileconfig/docs/button/go"
)

// A demo holds the program's flags and its signer.
type demo struct {
	service, key, mailbox string
	signer                button.Signer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

// run serves the page until ctx is done.
func run(ctx context.Context) error {
	var d demo
	listen := flag.String("listen", "127.0.0.1:8081", "`address` of the page")
	keyFile := flag.String("key-file", "", "file with the API key")
	flag.StringVar(&d.service, "service", "http://127.0.0.1:8080", "base URL of the service")
	flag.StringVar(&d.mailbox, "mailbox", "jane@example.com", "the `mailbox` of the session")
	flag.Parse()
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		return err
	}
	d.key = strings.TrimSpace(string(key))
	if err := d.register(ctx); err != nil {
		return err
	}
	defer d.call(context.WithoutCancel(ctx), http.MethodDelete, "/redirect-keys/"+d.signer.KeyID, nil, nil)
	on, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", on.Addr())
	server := &http.Server{Handler: http.HandlerFunc(d.page), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(on); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// register creates a key pair and registers the public key.
func (d *demo) register(ctx context.Context) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	var made struct{ ID, Issuer, Audience string }
	err = d.call(ctx, http.MethodPost, "/redirect-keys", map[string]any{
		"name":       "Demo of the button",
		"public_key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"expires_in": 3600,
	}, &made)
	d.signer = button.Signer{Service: made.Audience, Issuer: made.Issuer, KeyID: made.ID, Key: private}
	return err
}

// call calls the API.
func (d *demo) call(ctx context.Context, method, path string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, d.service+"/api/v1"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// page shows the button.
func (d *demo) page(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	link, err := button.CreateLink(r.Context(), d.service, d.key, map[string]any{"address": d.mailbox})
	var jwt string
	if err == nil {
		jwt, err = d.signer.Sign(map[string]any{"sub": d.mailbox})
	}
	if err != nil {
		log.Print(err)
		http.Error(w, "The service didn't respond as expected.", http.StatusBadGateway)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src "+d.service+"; form-action "+d.service)
	err = view.Execute(w, map[string]any{
		"Service": d.service, "Mailbox": d.mailbox, "Link": link, "JWT": jwt,
		"Plain": d.service + "/?address=" + url.QueryEscape(d.mailbox),
	})
	if err != nil {
		log.Print(err)
	}
}

var view = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Panel of an email provider</title>
  <style>
    body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #1d1d1f; background: #fff }
    section { border: 1px solid #767680; border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
    h2 { font-size: 1.1rem; margin: 0 }
    img { display: block; margin: .5rem 0 }
    button, a.button { display: inline-block; font: inherit; color: #fff; background: #0058b0; border: 0; border-radius: .5rem; padding: .6rem 1rem; text-decoration: none }
  </style>
</head>
<body>
<main>
  <h1>Mailbox {{.Mailbox}}</h1>
  <section>
    <h2>1. A link created with an API call</h2>
    <img src="{{.Link.QRURL}}" alt="QR code of the link" width="200" height="200">
    <a class="button" id="link" href="{{.Link.URL}}">Set up this phone</a>
  </section>
  <section>
    <h2>2. A signed redirect</h2>
    <form method="post" action="{{.Service}}/start/signed">
      <input type="hidden" name="jwt" value="{{.JWT}}">
      <p><button id="signed" type="submit">Set up my phone</button></p>
    </form>
  </section>
  <section>
    <h2>3. A plain link</h2>
    <p><a class="button" id="plain" href="{{.Plain}}">Set up my phone</a></p>
  </section>
</main>
</body>
</html>
`))
