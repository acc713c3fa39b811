package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// An upload may take as long as it goes on: each step of so many bytes has a
// time of its own.
const (
	uploadStep  = 256 << 10
	uploadPause = 30 * time.Second
)

// Upload reads a file of up to limit bytes from the body of c: of one of the
// media types, or the only file of a form. It keeps the file on disk, which the
// caller closes and removes, and returns the name that a form gives it.
func Upload(c echo.Context, limit int64, kinds ...string) (file *os.File, name string, err error) {
	r := c.Request()
	control := http.NewResponseController(c.Response())
	r.Body = http.MaxBytesReader(c.Response(), &steady{ReadCloser: r.Body, control: control}, limit)
	body, name, err := uploaded(r, kinds)
	if err != nil {
		return nil, "", err
	}
	if file, err = os.CreateTemp("", "mobileconfig-upload"); err != nil {
		return nil, "", err
	}
	_, err = io.Copy(file, body)
	_ = control.SetReadDeadline(time.Now().Add(uploadPause)) // where none can be set, none is
	_ = control.SetWriteDeadline(time.Now().Add(uploadPause))
	if err == nil {
		return file, name, nil
	}
	file.Close()
	os.Remove(file.Name())
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, "", fault.New(fault.TooLarge, "A file may have up to %d MiB.", limit>>20)
	}
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return nil, "", err // of the disk
	}
	return nil, "", errMalformed()
}

// uploaded is the file in the request.
func uploaded(r *http.Request, kinds []string) (io.Reader, string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err == nil && kind == echo.MIMEMultipartForm {
		form, err := r.MultipartReader()
		if err != nil {
			return nil, "", errMalformed()
		}
		part, err := form.NextPart()
		if err != nil || part.FileName() == "" {
			return nil, "", fault.New(fault.FormMalformed, "Send the file as the only part of the form.")
		}
		return part, part.FileName(), nil
	}
	for _, known := range kinds {
		if err == nil && kind == known {
			return r.Body, "", nil
		}
	}
	return nil, "", fault.New(fault.UnsupportedMedia, "Send the file as %s or multipart/form-data.", kinds[0])
}

// A steady body gives each step of the upload its time.
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

// SendFile answers with a file, or the ranges of it that are asked for. It may
// take as long as it goes on.
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

// A patient answer gives each step of a download its time.
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
