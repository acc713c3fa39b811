package server

import (
	"io/fs"
	"log/slog"
	"net/http"
	"sync"

	"github.com/updatecase/mobileconfig/templates"
)

// texts are the pages to begin with.
func (c *Config) texts() (*templates.Set, error) {
	if c.Templates != nil {
		return templates.NewFrom(c.Templates)
	}
	return templates.New()
}

// A freshHandler is the handler of the service for those who work on its
// templates: before each request it looks at the files and, if one has
// changed, builds the handler again. With the handler goes all that was kept
// of earlier pages.
type freshHandler struct {
	files fs.FS
	build func(*templates.Set) (http.Handler, error)
	log   *slog.Logger

	mu      sync.Mutex
	digest  string
	handler http.Handler
}

// ServeHTTP answers with the templates as they are now. What is wrong with
// them is the answer instead: whoever asks is who has written it.
func (h *freshHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, err := h.current()
	if err != nil {
		h.log.Error("templates", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	handler.ServeHTTP(w, r)
}

func (h *freshHandler) current() (http.Handler, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	digest, err := templates.Digest(h.files)
	if err != nil || digest == h.digest {
		return h.handler, err
	}
	texts, err := templates.NewFrom(h.files)
	if err != nil {
		return nil, err
	}
	handler, err := h.build(texts)
	if err != nil {
		return nil, err
	}
	if h.digest != "" {
		h.log.Info("templates read again")
	}
	h.digest, h.handler = digest, handler
	return handler, nil
}
