// Package compress adds the request ID to the API's responses, and compresses them.
package compress

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/web"
)

// minCompressed is the minimum size of compressed responses, in bytes.
const minCompressed = 1 << 10

// Tag is the suffix of the entity tag of a compressed response.
const Tag = `-gzip"`

// Below adds the request ID to every response below the prefix. It compresses responses
// for clients that accept it, and omits the body for HEAD.
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

// A compressor buffers a response until its size is known to be large.
type compressor struct {
	http.ResponseWriter
	head, gzip bool

	status int
	held   bytes.Buffer
	begun  bool
	to     *gzip.Writer // nil if not compressed
}

// Unwrap is for http.ResponseController.
func (w *compressor) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader keeps the status until the response starts.
func (w *compressor) WriteHeader(status int) { w.status = status }

// Write buffers p or sends it.
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

// begin sends the header and the buffered part of the response.
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

// Flush sends buffered data.
func (w *compressor) Flush() {
	if !w.begun {
		_ = w.begin(w.gzip) // the next write fails too
	}
	if w.to != nil {
		_ = w.to.Flush()
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// close ends the response.
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
