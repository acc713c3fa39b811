package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/tempfile"
)

// An upload has no time limit as a whole: each step of this many bytes has its
// own.
const (
	uploadStep  = 256 << 10
	uploadPause = 30 * time.Second
)

// UploadField is the form field that contains an uploaded file.
const UploadField = "file"

// Upload reads a file of up to limit bytes from the body of c: with one of the
// media types, or from a form that contains only the file in [UploadField]. It
// stores the file on disk, and returns it with its name from the form. The
// caller must close it. Nothing of it is kept in memory.
func Upload(c echo.Context, limit int64, kinds ...string) (file *tempfile.File, name string, err error) {
	r := c.Request()
	if r.ContentLength > limit+uploadStep { // a form adds a few bytes to the file
		return nil, "", errTooLarge(limit)
	}
	control := http.NewResponseController(c.Response())
	r.Body = &steady{ReadCloser: r.Body, control: control}
	body, name, end, err := uploaded(r, kinds)
	if err != nil {
		return nil, "", err
	}
	kept, err := tempfile.Create()
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			kept.Close()
		}
	}()
	size, err := io.Copy(kept, io.LimitReader(body, limit+1))
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return nil, "", err // the disk's
	}
	if size > limit {
		return nil, "", errTooLarge(limit)
	}
	if err != nil || !end() {
		return nil, "", errMalformed()
	}
	_ = control.SetReadDeadline(time.Now().Add(uploadPause)) // without support for deadlines there is none
	_ = control.SetWriteDeadline(time.Now().Add(uploadPause))
	_, err = kept.Seek(0, io.SeekStart)
	return kept, name, err
}

func errTooLarge(limit int64) error {
	return fault.On(UploadField, fault.TooLarge, "Choose a file of up to %d MiB.", limit>>20)
}

// uploaded returns the file in the request. end reports whether nothing
// follows it.
func uploaded(r *http.Request, kinds []string) (body io.Reader, name string, end func() bool, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err == nil && slices.Contains(kinds, kind) {
		return r.Body, "", func() bool { return true }, nil
	}
	if err != nil || kind != echo.MIMEMultipartForm {
		return nil, "", nil, fault.New(fault.UnsupportedMedia, "Send the file as %s.", strings.Join(append(kinds, echo.MIMEMultipartForm), " or "))
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, "", nil, errMalformed()
	}
	part, err := form.NextPart()
	switch {
	case err != nil:
		return nil, "", nil, errMalformed()
	case part.FormName() != UploadField:
		return nil, "", nil, fault.New(fault.UnknownField, "The form contains an unknown field. Send the file in the field %q.", UploadField)
	case part.FileName() == "":
		return nil, "", nil, fault.On(UploadField, fault.Invalid, "Choose a file.")
	}
	return part, part.FileName(), func() bool {
		_, err := form.NextPart()
		return errors.Is(err, io.EOF)
	}, nil
}

// A steady body gives each step of the upload its own time.
type steady struct {
	io.ReadCloser
	control *http.ResponseController
	left    int // of the step
}

// Read reads up to the end of the step.
func (s *steady) Read(p []byte) (int, error) {
	if s.left <= 0 {
		s.left = uploadStep
		_ = s.control.SetReadDeadline(time.Now().Add(uploadPause))
		_ = s.control.SetWriteDeadline(time.Now().Add(2 * uploadPause))
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// SendFile sends a file, or the requested ranges of it, without a time limit
// as a whole.
func SendFile(c echo.Context, name, digest string, modified time.Time, file io.ReadSeeker) error {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "application/octet-stream")
	header.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	if digest != "" {
		header.Set("ETag", `"`+digest+`"`)
	}
	control := http.NewResponseController(c.Response())
	http.ServeContent(&patient{c.Response(), control, 0}, c.Request(), name, modified, file)
	return nil
}

// Stream sends a file while it is being created, without a time limit as a
// whole. Everything written to it is sent.
func Stream(c echo.Context, kind, name string) io.Writer {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, kind)
	header.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	header.Set(echo.HeaderCacheControl, "no-store")
	return &patient{c.Response(), http.NewResponseController(c.Response()), 0}
}

// A patient answer gives each step of a download its own time.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	left    int // of the step
}

// Write writes step by step.
func (p *patient) Write(data []byte) (written int, err error) {
	for len(data) > 0 && err == nil {
		if p.left <= 0 {
			p.left = uploadStep
			_ = p.control.SetWriteDeadline(time.Now().Add(uploadPause))
		}
		var n int
		n, err = p.ResponseWriter.Write(data[:min(len(data), p.left)])
		written, p.left, data = written+n, p.left-n, data[n:]
	}
	return written, err
}
