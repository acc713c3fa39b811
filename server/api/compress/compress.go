// Package compress holds what every answer of the API has in common on its way
// out: the name of its request, and its compression.
package compress

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/web"
)

// minCompressed is how large an answer must be to be compressed, in bytes.
const minCompressed = 1 << 10

// Tag ends the entity tag of an answer that was compressed.
const Tag = `-gzip"`

// Below names the request in every answer to a path below the prefix, as the
// log does. It compresses answers for clients that want it, and leaves out the
// body of those to HEAD.
func Below(prefix string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return answer(prefix, next, c) }
	}
}

func answer(prefix string, next echo.HandlerFunc, c echo.Context) error {
	r, res := c.Request(), c.Response()
	if !strings.HasPrefix(r.URL.Path, prefix+"/") {
		return next(c)
	}
	res.Header().Set("Request-Id", web.RequestID(c))
	res.Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	w := &compressor{ResponseWriter: res.Writer, head: r.Method == http.MethodHead, gzip: web.TakesGzip(r.Header)}
	res.Writer = w
	defer func() { res.Writer = w.ResponseWriter }()
	if err := next(c); err != nil {
		c.Error(err)
	}
	return w.close()
}

// A compressor holds an answer back until it is known whether it is large.
type compressor struct {
	http.ResponseWriter
	head, gzip bool

	status int
	held   bytes.Buffer
	begun  bool
	to     *gzip.Writer // nil: not compressed
}

// Unwrap is for http.ResponseController.
func (w *compressor) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader keeps the status until the answer begins.
func (w *compressor) WriteHeader(status int) { w.status = status }

// Write holds p back or sends it.
func (w *compressor) Write(p []byte) (int, error) {
	if w.head {
		return len(p), nil
	}
	if w.begun {
		return w.send(p)
	}
	w.held.Write(p)
	if w.held.Len() < minCompressed {
		return len(p), nil
	}
	return len(p), w.begin(w.gzip)
}

func (w *compressor) send(p []byte) (int, error) {
	if w.to != nil {
		return w.to.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// begin sends the head of the answer and what was held back.
func (w *compressor) begin(compressed bool) error {
	w.begun = true
	if header := w.Header(); compressed && !strings.HasPrefix(header.Get(echo.HeaderContentType), "image/png") {
		header.Set(echo.HeaderContentEncoding, "gzip")
		header.Del(echo.HeaderContentLength)
		if tag, ok := strings.CutSuffix(header.Get("ETag"), `"`); ok {
			header.Set("ETag", tag+Tag)
		}
		w.to = gzip.NewWriter(w.ResponseWriter)
	}
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	if w.held.Len() == 0 {
		return nil
	}
	_, err := w.send(w.held.Bytes())
	return err
}

// Flush sends what there is.
func (w *compressor) Flush() {
	if !w.begun {
		_ = w.begin(w.gzip) // the next write fails too
	}
	if w.to != nil {
		_ = w.to.Flush()
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// close ends the answer.
func (w *compressor) close() error {
	if !w.begun {
		if err := w.begin(false); err != nil {
			return err
		}
	}
	if w.to != nil {
		return w.to.Close()
	}
	return nil
}
