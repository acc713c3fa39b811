package admission

// Left returns how many networks and idle connections are counted.
func (l *Listener) Left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.near) + len(l.wide) + l.idle.Len()
}
