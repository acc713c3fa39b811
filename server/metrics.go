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

// A metrics counts what the server does. Labels are routes and codes, and never
// contain what a client sent.
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
			Name: "mobileconfig_request_seconds", Help: "Duration of requests by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"route"}),
		previews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mobileconfig_link_previews_total", Help: "Requests for links and downloads by programs that preview links in messages.",
		}, []string{"program"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.previews,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_identity_expires_seconds", Help: "When the signing identity expires, in Unix seconds.",
		}, func() float64 { return float64(identity.Current().Describe().NotAfter.Unix()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_identity_reload_failed", Help: "1 while newer files of the signing identity can't be used.",
		}, func() float64 {
			if identity.Err() != nil {
				return 1
			}
			return 0
		}),
	)
	return m
}

// watchCertificate exports the state of renewals.
func (m *metrics) watchCertificate(c *certificate.Manager) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_certificate_renews_seconds", Help: "When the certificate is renewed automatically, in Unix seconds; 0: never.",
		}, func() float64 {
			if at := c.Status().Renews; !at.IsZero() {
				return float64(at.Unix())
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mobileconfig_certificate_failures", Help: "Number of consecutive failed certificate orders.",
		}, func() float64 {
			if f := c.Status().Failure; f != nil {
				return float64(f.Count)
			}
			return 0
		}),
	)
}

// watchSigner exports the state of a separate signer process.
func (m *metrics) watchSigner(identity Identity) {
	signer, ok := identity.(*signerd.Client)
	if !ok {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_signer_up", Help: "1 while the separate signer process answers.",
	}, func() float64 {
		if _, up := signer.Status(); up {
			return 1
		}
		return 0
	}), signedBy{signer})
}

// signedBy exports counters of the signer.
type signedBy struct{ signer *signerd.Client }

var (
	signedDesc  = prometheus.NewDesc("mobileconfig_signer_signed_total", "Profiles that the signer has signed since its start.", nil, nil)
	refusedDesc = prometheus.NewDesc("mobileconfig_signer_refused_total", "Requests that the signer has refused since its start, by reason.", []string{"reason"}, nil)
)

// Describe describes them.
func (c signedBy) Describe(out chan<- *prometheus.Desc) {
	out <- signedDesc
	out <- refusedDesc
}

// Collect reads them from the signer's last status.
func (c signedBy) Collect(out chan<- prometheus.Metric) {
	status, _ := c.signer.Status()
	out <- prometheus.MustNewConstMetric(signedDesc, prometheus.CounterValue, float64(status.Signed))
	for _, reason := range signerd.Reasons() {
		out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(status.Refused[reason]), string(reason))
	}
}

// watchBackup exports the time of the last backup.
func (m *metrics) watchBackup(last func(context.Context) (time.Time, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_backup_seconds", Help: "When the last backup was written, in Unix seconds; 0: never; -1 while the database doesn't answer.",
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

// watchWrites exports whether the database accepts writes.
func (m *metrics) watchWrites(writes func() error) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_writes_failed", Help: "1 while the last write to the database failed and none has succeeded since.",
	}, func() float64 {
		if writes() != nil {
			return 1
		}
		return 0
	}))
}

// watchClock exports by how much the logs are ahead of the clock.
func (m *metrics) watchClock(ahead func(context.Context) (time.Duration, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_log_ahead_seconds", Help: "By how many seconds the latest action is ahead of the clock, if at least five minutes; -1 while the database doesn't answer.",
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

// watchLogs exports the number of changed action logs.
func (m *metrics) watchLogs(failed func(context.Context) (int, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mobileconfig_log_check_failed", Help: "Number of action logs that the last daily check found changed; -1 while the database doesn't answer.",
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

// count is middleware that counts requests.
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

// countPreview counts requests that only preview a link. The link itself counts
// tickets, which need a POST.
func (m *metrics) countPreview(c echo.Context, route string) {
	method := c.Request().Method
	if method != http.MethodGet && method != http.MethodHead || !strings.HasPrefix(route, "/s/") && !strings.HasPrefix(route, "/d/") {
		return
	}
	if program := web.PreviewOf(c.Request().UserAgent()); program != "" {
		m.previews.WithLabelValues(program).Inc()
	}
}

// operatorHandler serves the operator's own listener: metrics, and health details.
func (s *Server) operatorHandler() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})))
	e.GET("/details", s.details)
	return e
}

// Details describe the server's health for an operator.
type details struct {
	Ready    bool            `json:"ready"`
	Version  string          `json:"version"`
	Database string          `json:"database"` // "ok" or what is wrong
	Log      string          `json:"log"`      // "ok" or how many action logs failed the daily check
	Clock    string          `json:"clock"`    // "ok" or by how much an action log is ahead of it
	Identity identityDetails `json:"identity"`
	// Signer is missing if this process signs.
	Signer *signerDetails `json:"signer,omitempty"`
	// Certificate is missing if the certificate isn't the installation's own.
	Certificate *certificateDetails `json:"certificate,omitempty"`
	Secret      secretDetails       `json:"secret"`
}

// secretDetails describes the versions of the secret.
type secretDetails struct {
	Version string           `json:"version"`
	Since   string           `json:"since,omitempty"` // missing: since the start of the installation
	Old     []oldSecretState `json:"old"`
}

// An oldSecretState says how long tokens of an old version are accepted, and
// how many values are still encrypted with it.
type oldSecretState struct {
	Version string `json:"version"`
	Ends    string `json:"ends"`
	Values  int    `json:"values"`
}

func (s *Server) secretDetails(ctx context.Context) secretDetails {
	d := secretDetails{Version: s.secrets.Current().ID, Old: []oldSecretState{}}
	status, err := s.secrets.Status(ctx)
	if err != nil {
		return d // the database is reported
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

// signerDetails describes a separate signer process.
type signerDetails struct {
	Socket string         `json:"socket"`
	Up     bool           `json:"up"`     // whether it answers
	Status signerd.Status `json:"status"` // its last status
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

// certificateDetails describes the installation's own certificate.
type certificateDetails struct {
	Source string `json:"source"` // acme, upload; empty if there is none yet
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
	Usable      string `json:"usable"` // "ok" or the error
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

// checkLogs reports how many logs failed the last check. The service continues:
// a changed log is reported, but isn't a reason to refuse requests.
func (s *Server) checkLogs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	n, err := s.store.FailedLogs(ctx)
	if err == nil && n > 0 {
		err = fmt.Errorf("the daily check of %d action logs failed", n)
	}
	return err
}

// checkClock reports by how much the latest action is ahead of the clock. One
// of the two is wrong.
func (s *Server) checkClock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	ahead, err := s.store.Ahead(ctx)
	if err == nil && ahead > 0 {
		err = fmt.Errorf("the latest action is %v ahead of this server's clock: the clock is wrong, or was", ahead.Round(time.Second))
	}
	return err
}

// words returns "ok" or the error.
func words(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
