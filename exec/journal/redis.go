package journal

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// A Redis is the Store that a Redis server is. What it holds is a copy of
// journals, so that other machines can follow and steer their runs; no safety
// depends on it. Every call ends within callWithin.
//
// Below the prefix, PREFIX:runs is a sorted set of the ids of runs by the time
// when they began (in milliseconds), and of each run
//
//	PREFIX:run:ID          is a hash: header (the journal's first line), plan
//	PREFIX:run:ID:events   is a stream: <seq>-0, field event (the journal's line)
//	PREFIX:run:ID:intents  is a stream: field intent
//	PREFIX:run:ID:alive    is who drives the run, and goes away aliveFor after that
type Redis struct {
	client *redis.Client
	prefix string
	name   string // for people
	mark   string // of files that say what is not sent yet
}

var _ Store = (*Redis)(nil)

// DefaultPrefix is what keys begin with where nobody says otherwise.
const DefaultPrefix = "shipit"

const (
	dialWithin = 2 * time.Second
	callWithin = 5 * time.Second
	aliveFor   = 15 * time.Second
)

// OpenRedis prepares to talk to the Redis at rawURL; nothing is dialled yet. It
// takes URLs as go-redis parses them: redis:// or, with TLS, rediss://, and
// with master_name (and addr for more of them) the URL of a Sentinel. Two
// parameters are ours: key is the prefix of all keys, and ca a file with the
// certificates of who vouches for the server.
func OpenRedis(rawURL, prefix string) (*Redis, error) {
	bad := func(why string) error {
		return fmt.Errorf("cannot use the URL of the Redis: %s; write it like redis://HOST:6379, rediss://HOST:6379, or redis://SENTINEL:26379?master_name=NAME", why)
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "" {
		return nil, bad("it does not name a server") // its text may hold a password
	}
	q := u.Query()
	ca := q.Get("ca")
	if key := q.Get("key"); key != "" {
		prefix = key
	}
	if prefix == "" {
		prefix = DefaultPrefix
	}
	q.Del("ca")
	q.Del("key")
	u.RawQuery = q.Encode()
	var roots *x509.CertPool
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("cannot read who vouches for the Redis: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot read who vouches for the Redis: there is no certificate in %s", ca)
		}
	}
	quiet()
	r := &Redis{prefix: prefix, name: fmt.Sprintf("%s://%s%s (key %s)", u.Scheme, u.Host, u.Path, prefix)}
	sum := sha256.Sum256([]byte(r.name + q.Get("master_name")))
	r.mark = hex.EncodeToString(sum[:6])
	if q.Get("master_name") != "" {
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil {
			return nil, bad(withoutURL(err))
		}
		trust(o.TLSConfig, roots)
		o.MaxRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout = -1, dialWithin, callWithin, callWithin
		o.DialerRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 1, true, true
		r.client = redis.NewFailoverClient(o)
		return r, nil
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, bad(withoutURL(err))
	}
	trust(o.TLSConfig, roots)
	// What is sent again is our decision: a run is sent by its numbers.
	o.MaxRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout = -1, dialWithin, callWithin, callWithin
	o.DialerRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 1, true, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	r.client = redis.NewClient(o)
	return r, nil
}

// quiet keeps the library from writing to standard error: what people should
// know of a Redis is said in our words.
var quiet = sync.OnceFunc(logging.Disable)

func trust(c *tls.Config, roots *x509.CertPool) {
	if c != nil && roots != nil {
		c.RootCAs = roots
	}
}

// withoutURL is what an error says without the URL, which may hold a password.
func withoutURL(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return strings.TrimPrefix(err.Error(), "redis: ")
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

func (r *Redis) String() string { return r.name }

func (r *Redis) runs() string             { return r.prefix + ":runs" }
func (r *Redis) run(id string) string     { return r.prefix + ":run:" + id }
func (r *Redis) events(id string) string  { return r.run(id) + ":events" }
func (r *Redis) intents(id string) string { return r.run(id) + ":intents" }
func (r *Redis) alive(id string) string   { return r.run(id) + ":alive" }
func (r *Redis) cannot(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s in Redis %s: %w", what, r.name, plain(err))
}

// plain puts the usual faults into words.
func plain(err error) error {
	var wait net.Error
	text := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &wait) && wait.Timeout():
		return errors.New("it does not answer in time")
	case strings.HasPrefix(text, "WRONGPASS"), strings.HasPrefix(text, "NOAUTH"), strings.HasPrefix(text, "NOPERM"), strings.HasPrefix(text, "ERR invalid password"):
		return fmt.Errorf("it refuses our login: %s", text)
	case strings.Contains(text, "OOM command not allowed"):
		return errors.New("it has no memory left (maxmemory)")
	case strings.HasPrefix(text, "READONLY"):
		return errors.New("it is a replica, which takes nothing")
	}
	return err
}
