package batch_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// FuzzCheck reads arbitrary input.
func FuzzCheck(f *testing.F) {
	for _, e := range exports {
		f.Add([]byte(e.text(-1, "")))
	}
	f.Add([]byte(`{"email":"jane@example.com","name":"Jane"}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		r, err := batch.NewReader(bytes.NewReader(input), batch.Options{})
		if err == nil {
			checking := choice{}.checking()
			var rows, bad strings.Builder
			checking.Rows, checking.Errors = &rows, &bad
			_, err = batch.Check(t.Context(), r, checking)
			for _, err := range batch.ReadRows(strings.NewReader(rows.String())) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if err != nil && !errors.As(err, new(*batch.InputError)) {
			t.Fatal(err)
		}
	})
}
