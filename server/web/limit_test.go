package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

func TestLimiter(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	l := web.NewLimiter("key", 3, time.Minute, func() time.Time { return at })
	for i := range 5 {
		q := l.Use("a")
		if over := fault.Is(q.Exceeded(), fault.Limited); over != (i >= 3) || q.Left != max(2-i, -1) {
			t.Errorf("request %d: %v, %d left", i+1, q.Exceeded(), q.Left)
		}
	}
	if q := l.Look("b"); q.Left != 3 || q.Spent() != nil {
		t.Errorf("another key has %d left", q.Left)
	}
	l.Use("b")
	if q := l.Look("b"); q.Left != 2 {
		t.Errorf("another key has %d left after one", q.Left)
	}
	at = at.Add(time.Minute - time.Millisecond)
	if q := l.Use("a"); q.Exceeded() == nil || fault.Of(q.Exceeded()).RetryAfter != time.Millisecond {
		t.Errorf("just before the end: %v", q)
	}
	at = at.Add(time.Millisecond)
	if q := l.Use("a"); q.Left != 2 || q.Reset != time.Minute {
		t.Errorf("after the end: %v", q)
	}
	at = at.Add(-time.Hour)
	if q := l.Use("a"); q.Left != 2 || q.Reset != time.Minute {
		t.Errorf("after the clock was set back: %v", q)
	}
}

// TestLimiterSpent checks that Spent refuses as soon as nothing is left.
func TestLimiterSpent(t *testing.T) {
	l := web.NewLimiter("network", 2, time.Minute, time.Now)
	for i := range 4 {
		if spent := l.Look("a").Spent() != nil; spent != (i >= 2) {
			t.Errorf("after %d: spent %v", i, spent)
		}
		l.Use("a")
	}
}

// TestLimiterIsBounded sends requests with many keys, as an attacker with a
// large network can.
func TestLimiterIsBounded(t *testing.T) {
	l := web.NewLimiter("network", 2, time.Minute, func() time.Time { return time.UnixMilli(0) })
	const keys = 30_000
	for i := range keys {
		l.Use(fmt.Sprint(i))
	}
	var counted int
	for i := range keys {
		if l.Look(fmt.Sprint(i)).Left == 1 {
			counted++
		}
	}
	if counted != 10_000 {
		t.Errorf("%d keys are counted", counted)
	}
}

func TestLimiterAtOnce(t *testing.T) {
	l := web.NewLimiter("key", 100, time.Hour, time.Now)
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 20 {
				if l.Use("a").Exceeded() == nil {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if allowed.Load() != 100 {
		t.Errorf("%d were allowed", allowed.Load())
	}
}

func TestSetQuota(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	l := web.NewLimiter("key", 600, time.Minute, func() time.Time { return at })
	header := func() http.Header {
		w := httptest.NewRecorder()
		c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), w)
		web.SetQuota(c, l.Use("a"))
		return w.Header()
	}
	header()
	at = at.Add(17_500 * time.Millisecond)
	h := header()
	if got := h.Get("RateLimit-Policy"); got != `"key";q=600;w=60` {
		t.Errorf("policy %s", got)
	}
	if got := h.Get("RateLimit"); got != `"key";r=598;t=43` {
		t.Errorf("limit %s", got)
	}
	for range 700 {
		l.Use("a")
	}
	if got := header().Get("RateLimit"); got != `"key";r=0;t=43` {
		t.Errorf("beyond the limit: %s", got)
	}
}
