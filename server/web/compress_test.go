package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// sent returns what a client with these headers receives.
func sent(t *testing.T, header http.Header, pieces ...Piece) *httptest.ResponseRecorder {
	t.Helper()
	request, answer := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	request.Header = header
	if err := Send(echo.New().NewContext(request, answer), http.StatusOK, "text/plain", pieces...); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestSend(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 5000)
	pages := [][]Piece{
		{NewPiece(nil)},
		{NewPiece([]byte("text"))},
		{NewPiece([]byte(long)), Value([]byte("value")), NewPiece([]byte(long))},
		{Value([]byte(long)), NewPiece([]byte("text")), Value(nil)},
	}
	for i, pieces := range pages {
		want := ""
		for _, p := range pieces {
			want += string(p.Text())
		}
		plain := sent(t, nil, pieces...)
		if plain.Body.String() != want || plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("page %d: %v", i, plain.Header())
		}
		answer := sent(t, http.Header{"Accept-Encoding": {"br, gzip"}}, pieces...)
		r, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
		if got, err := io.ReadAll(r); string(got) != want || err != nil {
			t.Errorf("page %d: %v, %d bytes, want %d", i, err, len(got), len(want))
		}
	}
	if a := sent(t, http.Header{"Accept-Encoding": {"gzip"}}, Value([]byte(long))); a.Header().Get("Content-Encoding") != "" {
		t.Error("a page created for the request is compressed")
	}
	if a := sent(t, http.Header{"Accept-Encoding": {"gzip"}}, NewPiece([]byte(long))); a.Body.Len() > len(long)/50 {
		t.Errorf("%d bytes of %d", a.Body.Len(), len(long))
	}
}

// TestSizeTellsNothing checks that no response is shorter because a value
// repeats other text in it.
func TestSizeTellsNothing(t *testing.T) {
	size := func(value string) int {
		page := []Piece{NewPiece([]byte("token=Jq4XoM2vR8sT")), Value([]byte(value)), NewPiece([]byte("token=")), Value([]byte("Jq4XoM2vR8sT"))}
		return sent(t, http.Header{"Accept-Encoding": {"gzip"}}, page...).Body.Len()
	}
	if right, wrong := size("token=Jq4XoM2vR8sT"), size("token=abcdefghijkl"); right != wrong {
		t.Errorf("%d bytes for the right guess, %d for a wrong one", right, wrong)
	}
}

func TestTakesGzip(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate, gzip;q=0.5, br": true, "gzip ; q=1": true, "gzip;q=0": false, "gzip; q=0.000": false,
		"gzip;q=x": true, "x-gzip": false, "identity": false, "*": false,
	} {
		if got := TakesGzip(http.Header{"Accept-Encoding": {"br", line}}); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestUnchanged(t *testing.T) {
	tag := ETag([]byte("text"))
	for lines, want := range map[string]bool{
		"": false, tag: true, strings.TrimPrefix(tag, "W/"): true, `"other", ` + tag: true, "*": true, `"other"`: false, tag[:9]: false,
		ETag([]byte("text ")): false,
	} {
		request, answer := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		request.Header.Set("If-None-Match", lines)
		if got := Unchanged(echo.New().NewContext(request, answer), tag); got != want || answer.Header().Get("ETag") != tag {
			t.Errorf("%q: %v", lines, got)
		}
	}
}
