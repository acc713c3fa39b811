package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/notify"
)

// reach sends requests to the service as a phone does, and to its metrics
// address.
func (v *visit) reach(ctx context.Context) {
	if v.base == nil {
		return
	}
	host := v.base.Hostname()
	if _, err := v.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
		v.add(NameUnknown, host, "%s", because(err))
	} else {
		v.ask(ctx)
	}
	v.details(ctx)
}

// ask fetches /healthz and /readyz at the base URL.
func (v *visit) ask(ctx context.Context) {
	status, body, _, err := v.get(ctx, v.base.String()+"/healthz", true)
	switch {
	case untrusted(err):
		v.add(HTTPSUntrusted, v.base.String(), "%v", err)
		return
	case err != nil:
		v.add(PortClosed, v.base.Host, "%s", because(err))
		return
	case status != http.StatusOK || strings.TrimSpace(body) != "ok":
		v.add(WrongServer, v.base.String(), "")
		return
	}
	if status, _, _, err := v.get(ctx, v.base.String()+"/readyz", true); err == nil && status != http.StatusOK {
		v.add(NotReady, v.base.String(), "")
	}
}

// untrusted reports whether an error is about the certificate.
func untrusted(err error) bool {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	return unknown || host || invalid || verification
}

// get fetches a URL. Public says that names are resolved as clients do.
func (v *visit) get(ctx context.Context, address string, public bool) (status int, body string, at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: v.Roots, MinVersion: tls.VersionTLS12, Time: v.Now}}
	if public {
		transport.DialContext = v.Dial
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", at, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", at, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	at, _ = http.ParseTime(res.Header.Get("Date"))
	return res.StatusCode, string(data), at, err
}

// details asks the running service at its metrics address.
func (v *visit) details(ctx context.Context) {
	if v.Server.MetricsListen == "" {
		return
	}
	address := v.Server.MetricsListen
	if host, port, err := net.SplitHostPort(address); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		address = net.JoinHostPort("localhost", port)
	}
	status, body, _, err := v.get(ctx, "http://"+address+"/details", false)
	if err != nil || status != http.StatusOK {
		if !v.has(PortClosed) {
			v.add(MetricsUnanswered, address, "")
		}
		return
	}
	var said struct {
		Version string `json:"version"`
	}
	if json.Unmarshal([]byte(body), &said) == nil && said.Version != "" && v.Server.Version != "" && said.Version != v.Server.Version {
		v.add(VersionOld, said.Version, "The service runs %s, but this program is %s.", said.Version, v.Server.Version)
	}
}

// skew is by how much a clock may be off.
const skew = 5 * time.Minute

// clock compares the clock with that of the authority, and with the action log.
func (v *visit) clock(ctx context.Context) {
	if a := v.Server.ACME; a != nil {
		before := v.Now()
		if _, _, at, err := v.getBy(ctx, a.Directory, a.Roots); err == nil && !at.IsZero() {
			if off := at.Sub(before); off > skew || off < -skew {
				v.add(ClockWrong, "", "This machine's clock is off by %v, compared with the certificate authority's.", off.Abs().Round(time.Second))
			}
		}
	}
	if v.store == nil || v.has(ClockWrong) {
		return
	}
	if ahead, err := v.store.Ahead(ctx); err == nil && ahead > 0 {
		v.add(ClockAhead, "", "The latest action is %v ahead of this machine's clock.", ahead.Round(time.Second))
	}
}

// getBy is get with other roots.
func (v *visit) getBy(ctx context.Context, address string, roots *x509.CertPool) (int, string, time.Time, error) {
	other := *v
	other.Roots, other.Now = roots, nil
	return other.get(ctx, address, false)
}

// relay signs in to the mail server that sends notifications.
func (v *visit) relay(ctx context.Context) {
	if v.Server.Mail == nil {
		if v.Refused == nil {
			v.add(RelayMissing, "", "")
		}
		return
	}
	relay, err := notify.NewRelay(*v.Server.Mail)
	if err != nil {
		v.add(SettingsRefused, "", "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = relay.Try(ctx)
	_, network := errors.AsType[*net.OpError](err)
	switch {
	case err == nil:
	case network && !untrusted(err) || errors.Is(err, context.DeadlineExceeded):
		v.add(RelayUnreachable, v.Server.Mail.Server.String(), "%v", err)
	default:
		v.add(RelayRefuses, v.Server.Mail.Server.String(), "%v", err)
	}
}
