package web

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// maxCounted is how many keys a limiter counts at once.
const maxCounted = 10_000

// A Limiter counts requests by key, all in the same window of time. It counts
// in the memory of this process: several servers allow several times as many,
// and a restart begins again.
type Limiter struct {
	name   string
	max    int
	window time.Duration
	now    func() time.Time

	mu    sync.Mutex
	began time.Time
	used  map[string]int
}

// NewLimiter returns a Limiter that allows max requests of each key in a
// window. Clients see the name.
func NewLimiter(name string, max int, window time.Duration, now func() time.Time) *Limiter {
	return &Limiter{name: name, max: max, window: window, now: now, used: map[string]int{}}
}

// A Quota is the state of a key in a limiter.
type Quota struct {
	name   string
	max    int
	window time.Duration
	// Left is how many requests remain in this window; below zero it is used
	// up.
	Left int
	// Reset is the remaining time of the window.
	Reset time.Duration
}

// Use counts a request of the key.
func (l *Limiter) Use(key string) Quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.turn()
	if _, ok := l.used[key]; !ok && len(l.used) >= maxCounted {
		for other := range l.used { // any key: memory is bounded, not fair
			delete(l.used, other)
			break
		}
	}
	// One beyond the limit is enough to know.
	l.used[key] = min(l.used[key]+1, l.max+1)
	return l.quota(key, now)
}

// Look returns the quota of the key without counting.
func (l *Limiter) Look(key string) Quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.quota(key, l.turn())
}

// turn begins a new window if the last one is over, or was begun by a wrong
// clock.
func (l *Limiter) turn() (now time.Time) {
	now = l.now()
	if age := now.Sub(l.began); age < 0 || age >= l.window {
		l.began = now
		clear(l.used)
	}
	return now
}

func (l *Limiter) quota(key string, now time.Time) Quota {
	return Quota{l.name, l.max, l.window, l.max - l.used[key], l.began.Add(l.window).Sub(now)}
}

// Exceeded returns a Limited fault if there were more requests than allowed.
func (q Quota) Exceeded() error {
	if q.Left >= 0 {
		return nil
	}
	return q.limited()
}

// Spent returns a Limited fault if there were as many requests as allowed.
func (q Quota) Spent() error {
	if q.Left > 0 {
		return nil
	}
	return q.limited()
}

func (q Quota) limited() error {
	f := fault.New(fault.Limited, "Too many requests: the limit is %d in %d seconds. Wait %d seconds.", q.max, seconds(q.window), seconds(q.Reset))
	f.RetryAfter = q.Reset
	return f
}

// SetQuota tells the client its quota, in the fields of
// draft-ietf-httpapi-ratelimit-headers.
func SetQuota(c echo.Context, q Quota) {
	header := c.Response().Header()
	header.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", q.name, q.max, seconds(q.window)))
	header.Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", q.name, max(q.Left, 0), seconds(q.Reset)))
}

// seconds rounds up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
