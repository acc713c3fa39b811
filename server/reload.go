package server

import (
	"io/fs"
	"log/slog"
	"net/http"
	"sync"

	"github.com/updatecase/mobileconfig/templates"
)

// texts are the initial pages.
func (c *Config) texts() (*templates.Set, error) {
	if c.Templates != nil {
		return templates.NewFrom(c.Templates)
	}
	return templates.New()
}

// A reloadingHandler is the service's handler for template development. Before each
// request it checks the files and, if one has changed, rebuilds the handler and
// its caches.
type reloadingHandler struct {
	files fs.FS
	build func(*templates.Set) (http.Handler, error)
	log   *slog.Logger

	mu      sync.Mutex
	digest  string
	handler http.Handler
}

// ServeHTTP answers with the current templates. If they have an error, it
// answers with the error, because the reader is the author.
func (h *reloadingHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, err := h.current()
	if err != nil {
		h.log.Error("templates", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	handler.ServeHTTP(w, r)
}

func (h *reloadingHandler) current() (http.Handler, error) {
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
		h.log.Info("templates reloaded")
	}
	h.digest, h.handler = digest, handler
	return handler, nil
}
