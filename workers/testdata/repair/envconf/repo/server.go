package envconf

import (
	"io"
	"time"
)

// Server is how a server is set up.
type Server struct {
	Addr    string
	Workers int
	Timeout time.Duration
	Debug   bool
	Origins []string
}

// Load reads the settings of a server.
func Load(r io.Reader) (*Server, error) {
	v, err := Parse(r)
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: v.String("ADDR", ":8080"), Origins: v.List("ORIGINS")}
	if s.Workers, err = v.Int("WORKERS", 4); err != nil {
		return nil, err
	}
	if s.Timeout, err = v.Duration("TIMEOUT", 30*time.Second); err != nil {
		return nil, err
	}
	if s.Debug, err = v.Bool("DEBUG", false); err != nil {
		return nil, err
	}
	return s, nil
}
