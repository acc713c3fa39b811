package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// Bounds on a file that is uploaded: it may take as long as it needs, as long as
// a block comes in time.
const (
	uploadBlock   = 1 << 20
	uploadTimeout = 30 * time.Second
)

// FormFile reads a form that has one file and nothing else, in the field, into a
// temporary file of at most limit bytes, and returns it with the name that it had.
// The caller closes and removes it. Nothing of it is kept in memory.
func FormFile(c echo.Context, field string, limit int64) (f *os.File, name string, err error) {
	form, err := c.Request().MultipartReader()
	if err != nil {
		return nil, "", fault.New(fault.UnsupportedMedia, "Send the request as %s.", echo.MIMEMultipartForm)
	}
	if c.Request().ContentLength > limit+uploadBlock {
		return nil, "", tooLarge(limit)
	}
	deadlines := http.NewResponseController(c.Response())
	if err := deadlines.SetReadDeadline(time.Now().Add(uploadTimeout)); err != nil {
		return nil, "", err
	}
	part, err := form.NextPart()
	switch {
	case err != nil:
		return nil, "", errMalformed()
	case part.FormName() != field:
		return nil, "", fault.New(fault.UnknownField, "The form has a field that does not belong there.")
	case part.FileName() == "":
		return nil, "", fault.On(field, fault.Invalid, "Choose a file.")
	}
	if f, err = os.CreateTemp("", "mobileconfig-upload"); err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := copyPart(f, part, deadlines, limit); err != nil {
		return nil, "", err
	}
	if _, err := form.NextPart(); !errors.Is(err, io.EOF) {
		return nil, "", errMalformed()
	}
	if err := deadlines.SetWriteDeadline(time.Now().Add(uploadTimeout)); err != nil {
		return nil, "", err
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, part.FileName(), err
}

// copyPart copies at most limit bytes, each block of them in time.
func copyPart(to io.Writer, part *multipart.Part, deadlines *http.ResponseController, limit int64) error {
	for size := int64(0); ; {
		if err := deadlines.SetReadDeadline(time.Now().Add(uploadTimeout)); err != nil {
			return err
		}
		n, err := io.CopyN(to, part, uploadBlock)
		if size += n; size > limit {
			return tooLarge(limit)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return err // the disk's
		}
		if err != nil {
			return errMalformed()
		}
	}
}

func tooLarge(limit int64) error {
	return fault.On("file", fault.TooLarge, "A list may have up to %d MB.", limit>>20)
}
