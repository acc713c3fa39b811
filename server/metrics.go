package server

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/server/web"
)

// A metrics counts what the server does. Labels are routes and codes, never
// what a client sent.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	previews *prometheus.CounterVec
}

func newMetrics(identity Identity) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mobileconfig_requests_total", Help: "Requests by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mobileconfig_request_seconds", Help: "How long requests took, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"route"}),
		previews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mobileconfig_link_previews_total", Help: "Looks at links and downloads by programs that preview what people send one another.",
		}, []string{"program"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.previews,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_identity_expires_seconds", Help: "When the signing identity expires, in Unix seconds.",
		}, func() float64 { return float64(identity.Current().Describe().NotAfter.Unix()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_identity_reload_failed", Help: "1 while newer files of the signing identity cannot be used.",
		}, func() float64 {
			if identity.Err() != nil {
				return 1
			}
			return 0
		}),
	)
	return m
}

// watchCertificate shows how renewals go.
func (m *metrics) watchCertificate(c *certificate.Manager) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_certificate_renews_seconds", Help: "When the certificate is renewed by itself, in Unix seconds; 0: it is not.",
		}, func() float64 {
			if at := c.Status().Renews; !at.IsZero() {
				return float64(at.Unix())
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_certificate_failures", Help: "How many orders of a certificate in a row have failed.",
		}, func() float64 {
			if f := c.Status().Failure; f != nil {
				return float64(f.Count)
			}
			return 0
		}),
	)
}

// watchSigner shows how a signer does that is a process of its own.
func (m *metrics) watchSigner(identity Identity) {
	signer, ok := identity.(*signerd.Client)
	if !ok {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_signer_up", Help: "1 while the signer, which is a process of its own, answers.",
	}, func() float64 {
		if _, up := signer.Status(); up {
			return 1
		}
		return 0
	}), signedBy{signer})
}

// signedBy are counters that the signer keeps.
type signedBy struct{ signer *signerd.Client }

var (
	signedDesc  = prometheus.NewDesc("mobileconfig_signer_signed_total", "Profiles that the signer has signed since its start.", nil, nil)
	refusedDesc = prometheus.NewDesc("mobileconfig_signer_refused_total", "Requests that the signer has refused since its start, by reason.", []string{"reason"}, nil)
)

// Describe names them.
func (c signedBy) Describe(out chan<- *prometheus.Desc) {
	out <- signedDesc
	out <- refusedDesc
}

// Collect takes them from what the signer has last said.
func (c signedBy) Collect(out chan<- prometheus.Metric) {
	status, _ := c.signer.Status()
	out <- prometheus.MustNewConstMetric(signedDesc, prometheus.CounterValue, float64(status.Signed))
	for _, reason := range signerd.Reasons() {
		out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(status.Refused[reason]), string(reason))
	}
}

// watchBackup shows when the last backup was.
func (m *metrics) watchBackup(last func(context.Context) (time.Time, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_backup_seconds", Help: "When the last backup was written, in Unix seconds; 0: never; -1 while the database does not answer.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		at, err := last(ctx)
		switch {
		case err != nil:
			return -1
		case at.IsZero():
			return 0
		}
		return float64(at.Unix())
	}))
}

// watchWrites shows whether the database takes writes.
func (m *metrics) watchWrites(writes func() error) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_writes_failed", Help: "1 while the last write to the database failed and none has worked since.",
	}, func() float64 {
		if writes() != nil {
			return 1
		}
		return 0
	}))
}

// watchClock shows by how much the logs are ahead of the clock.
func (m *metrics) watchClock(ahead func(context.Context) (time.Duration, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_log_ahead_seconds", Help: "By how much the latest action is ahead of the clock, from five minutes on; -1 while the database does not answer.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		d, err := ahead(ctx)
		if err != nil {
			return -1
		}
		return d.Seconds()
	}))
}

// watchLogs shows how many action logs aren't what they were.
func (m *metrics) watchLogs(failed func(context.Context) (int, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_log_check_failed", Help: "How many action logs the last daily check found changed; -1 while the database does not answer.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		n, err := failed(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	}))
}

// count is the middleware that counts.
func (m *metrics) count(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		route := web.Route(c)
		m.requests.WithLabelValues(web.Method(c), route, strconv.Itoa(c.Response().Status)).Inc()
		m.seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
		m.countPreview(c, route)
		return err
	}
}

// countPreview counts who only looks whether something is behind a link. The
// link itself counts tickets, which take a POST.
func (m *metrics) countPreview(c echo.Context, route string) {
	method := c.Request().Method
	if method != http.MethodGet && method != http.MethodHead || !strings.HasPrefix(route, "/s/") && !strings.HasPrefix(route, "/d/") {
		return
	}
	if program := web.PreviewOf(c.Request().UserAgent()); program != "" {
		m.previews.WithLabelValues(program).Inc()
	}
}

// inside is what the operator's own listener serves: metrics, and details of
// the server's health.
func (s *Server) inside() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})))
	e.GET("/details", s.details)
	return e
}

// Details tell an operator how the server is.
type details struct {
	Ready    bool            `json:"ready"`
	Version  string          `json:"version"`
	Database string          `json:"database"` // "ok" or what is wrong
	Log      string          `json:"log"`      // "ok" or of how many action logs the daily check failed
	Clock    string          `json:"clock"`    // "ok" or by how much an action log is ahead of it
	Identity identityDetails `json:"identity"`
	// Signer is missing where this process signs.
	Signer *signerDetails `json:"signer,omitempty"`
	// Certificate is missing where the certificate isn't the installation's own.
	Certificate *certificateDetails `json:"certificate,omitempty"`
	Secret      secretDetails       `json:"secret"`
}

// secretDetails say which versions the secret has.
type secretDetails struct {
	Version string           `json:"version"`
	Since   string           `json:"since,omitempty"` // missing: since the installation began
	Old     []oldSecretState `json:"old"`
}

// An oldSecretState says until when what was handed out under an old version is
// accepted, and how many values are still encrypted under it.
type oldSecretState struct {
	Version string `json:"version"`
	Ends    string `json:"ends"`
	Values  int    `json:"values"`
}

func (s *Server) secretDetails(ctx context.Context) secretDetails {
	d := secretDetails{Version: s.secrets.Current().ID, Old: []oldSecretState{}}
	status, err := s.secrets.Status(ctx)
	if err != nil {
		return d // the database is told of
	}
	d.Version = status.Current
	if !status.Created.IsZero() {
		d.Since = status.Created.UTC().Format(time.RFC3339)
	}
	for _, o := range status.Old {
		d.Old = append(d.Old, oldSecretState{o.ID, o.Ends.UTC().Format(time.RFC3339), o.Values})
	}
	return d
}

// signerDetails tell of a signer that is a process of its own.
type signerDetails struct {
	Socket string         `json:"socket"`
	Up     bool           `json:"up"`     // whether it answers
	Status signerd.Status `json:"status"` // what it has last said of itself
}

func (s *Server) signerDetails() *signerDetails {
	client, ok := s.config.Identity.(*signerd.Client)
	if !ok {
		return nil
	}
	d := &signerDetails{Socket: client.Current().Describe().Process}
	d.Status, d.Up = client.Status()
	return d
}

// certificateDetails say how things stand with the installation's own
// certificate.
type certificateDetails struct {
	Source string `json:"source"` // acme, upload; empty: there is none yet
	Renews string `json:"renews,omitempty"`
	Order  string `json:"order"` // "ok" or why the last one failed
	Reason string `json:"reason,omitempty"`
	Retry  string `json:"retry,omitempty"`
}

func (s *Server) certificateDetails() *certificateDetails {
	c := s.certificate.Status()
	if !c.Automatic && c.Source == "" {
		return nil
	}
	d := &certificateDetails{Source: string(c.Source), Order: "ok"}
	if !c.Renews.IsZero() {
		d.Renews = c.Renews.UTC().Format(time.RFC3339)
	}
	if f := c.Failure; f != nil {
		d.Order, d.Reason, d.Retry = f.Detail, string(f.Reason), c.Retry.UTC().Format(time.RFC3339)
	}
	return d
}

type identityDetails struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	NotAfter    string `json:"not_after"`
	Development bool   `json:"development"`
	Usable      string `json:"usable"` // "ok" or what is wrong
	Reload      string `json:"reload"` // "ok" or why newer files cannot be used
}

func (s *Server) details(c echo.Context) error {
	id := s.identity.Current().Describe()
	database, usable := s.checkDatabase(c.Request().Context()), id.Fault
	return c.JSON(http.StatusOK, details{
		Version:  s.config.Version,
		Ready:    database == nil && usable == nil,
		Database: words(database),
		Log:      words(s.checkLogs(c.Request().Context())),
		Clock:    words(s.checkClock(c.Request().Context())),
		Identity: identityDetails{
			Name:        id.Name,
			Fingerprint: id.Fingerprint,
			NotAfter:    id.NotAfter.UTC().Format(time.RFC3339),
			Development: id.Development,
			Usable:      words(usable),
			Reload:      words(s.identity.Err()),
		},
		Signer:      s.signerDetails(),
		Certificate: s.certificateDetails(),
		Secret:      s.secretDetails(c.Request().Context()),
	})
}

// checkLogs says of how many logs the last check has failed. The service goes
// on: it is told of, and no reason to turn people away.
func (s *Server) checkLogs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	n, err := s.store.FailedLogs(ctx)
	if err == nil && n > 0 {
		err = fmt.Errorf("the daily check of %d action logs failed", n)
	}
	return err
}

// checkClock says by how much the latest action is ahead of the clock: one of the
// two is wrong.
func (s *Server) checkClock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	ahead, err := s.store.Ahead(ctx)
	if err == nil && ahead > 0 {
		err = fmt.Errorf("the latest action is %v ahead of this server's clock: the clock is wrong, or was", ahead.Round(time.Second))
	}
	return err
}

// words is "ok" or the error.
func words(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
