package web

import (
	"bytes"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// maxForm is the largest form in bytes: one of metadata, fully escaped.
const maxForm = 48 << 10

// A Form holds the fields of a form, each at most once.
type Form map[string]string

// ReadForm reads the body of c as a form that may have only these fields. It
// refuses fields with names of passwords.
func ReadForm(c echo.Context, fields ...string) (Form, error) {
	values, err := Body(c)
	if err != nil {
		return nil, err
	}
	return pick(values, nil, fields)
}

// ReadSecrets is [ReadForm] for the few forms that members sign in with: these
// may also have the secret fields.
func ReadSecrets(c echo.Context, secrets []string, fields ...string) (Form, error) {
	values, err := Body(c)
	if err != nil {
		return nil, err
	}
	return pick(values, secrets, fields)
}

// Body reads the body of c as a form with any fields, and leaves it to be read
// again.
func Body(c echo.Context) (url.Values, error) {
	body, err := ReadBody(c, maxForm, echo.MIMEApplicationForm)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errMalformed()
	}
	c.Request().Body = io.NopCloser(bytes.NewReader(body))
	return values, nil
}

// ReadQuery reads the query parameters of c, encoded as in a form, like
// [ReadForm]. It ignores unknown parameters, because others add theirs to
// links.
func ReadQuery(c echo.Context, fields ...string) (Form, error) {
	return readQuery(c.Request().URL.RawQuery, fields)
}

// ReadLink is [ReadQuery] for URLs that people and programs write, without a
// form. In them a plus sign stands for itself: they write
// jane+lists@example.com unescaped.
func ReadLink(c echo.Context, fields ...string) (Form, error) {
	return readQuery(strings.ReplaceAll(c.Request().URL.RawQuery, "+", "%2B"), fields)
}

func readQuery(raw string, fields []string) (Form, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errMalformed()
	}
	for name := range values {
		if err := fault.PasswordField(name); err != nil {
			return nil, err
		}
		if !slices.Contains(fields, name) {
			delete(values, name)
		}
	}
	return pick(values, nil, fields)
}

func pick(values url.Values, secrets, fields []string) (Form, error) {
	form := Form{}
	for name, all := range values {
		secret := slices.Contains(secrets, name)
		if err := fault.PasswordField(name); err != nil && !secret {
			return nil, err
		}
		if !secret && !slices.Contains(fields, name) {
			return nil, fault.New(fault.UnknownField, "The form contains an unknown field.")
		}
		if len(all) != 1 || !utf8.ValidString(all[0]) {
			return nil, errMalformed()
		}
		form[name] = all[0]
	}
	return form, nil
}

func errMalformed() error {
	return fault.New(fault.FormMalformed, "The form can't be read. Go back and send it again.")
}

// SetBody replaces the body of c with values.
func SetBody(c echo.Context, values url.Values) {
	c.Request().Body = io.NopCloser(strings.NewReader(values.Encode()))
}
