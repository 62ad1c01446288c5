package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"shipit/exec"
	"shipit/exec/journal"
	"shipit/exec/view"
	"shipit/exec/web"
)

// webFlags are how a page is served.
type webFlags struct {
	Listen     string   `placeholder:"ADDR" default:"127.0.0.1:8465" help:"Where: HOST:PORT, or unix:PATH."`
	TLSCert    string   `name:"tls-cert" placeholder:"FILE" help:"Certificate, for TLS."`
	TLSKey     string   `name:"tls-key" placeholder:"FILE" help:"Its key."`
	Proxy      []string `name:"trusted-proxy" placeholder:"ADDR" help:"Answer this proxy only, an address or a network, and believe its header about who asks."`
	UserHeader string   `name:"user-header" placeholder:"NAME" default:"X-Forwarded-User" help:"The header in which the proxy says who asks."`
	Deployers  []string `placeholder:"USER" help:"The users, behind a proxy, who may do more than look."`
	Host       []string `placeholder:"NAME" help:"One more name by which browsers may ask."`
	NewToken   bool     `name:"new-token" help:"Make a new token; what browsers have is void."`
}

type serveCmd struct {
	webFlags
	Definitions string `placeholder:"DIR|URL@REF" help:"Plans and applies of definitions below this directory, or in this repository, may be started from the page."`
}

func (c *serveCmd) Help() string {
	return "Shows the recorded runs and those under way, steers them, and starts new ones. Listens on this machine only and prints an address with a token, unless TLS or a proxy stands before it. Runs go on when it ends.\n\n" + examples(
		"shipit serve", "shipit serve --definitions deploy/",
		"shipit serve --listen 192.0.2.7:8465 --tls-cert web.pem --tls-key web.key --host deploy.example.org",
		"shipit serve --listen unix:/run/shipit/web.sock --trusted-proxy unix --host deploy.example.org --deployers anna,bert")
}

func (c *serveCmd) Run(w *world) error {
	ctx, places, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer places.close()
	var starts web.Starts
	if c.Definitions != "" {
		s, err := newStarts(ctx, w, c.Definitions)
		if err != nil {
			return err
		}
		starts = s
	}
	page, err := c.open(ctx, w, places, starts)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s\n", page.addressOf("/"))
	if page.reader != "" {
		fmt.Fprintf(w.stdout, "For Prometheus: %s, bearer token %s\n", page.plainAddress("/metrics"), page.reader)
	}
	return page.serve(ctx)
}

// A page is a server that listens.
type page struct {
	server      *web.Server
	listener    net.Listener
	certificate *web.Certificate
	at          string // host and port, as a browser names them
	token       string // "" behind a proxy
	reader      string // what a Prometheus sends, "" behind a proxy
}

func (p *page) serve(ctx context.Context) error {
	return p.server.Serve(ctx, p.listener, p.certificate)
}

// open begins to listen.
func (f *webFlags) open(ctx context.Context, w *world, places *places, starts web.Starts) (*page, error) {
	p := &page{}
	if err := f.check(); err != nil {
		return nil, exit(exitUsage, err)
	}
	if f.TLSCert != "" {
		var err error
		if p.certificate, err = web.LoadCertificate(f.TLSCert, f.TLSKey); err != nil {
			return nil, err
		}
	}
	dir, err := webDir(places.dir)
	if err != nil {
		return nil, err
	}
	key, err := webKey(dir, f.NewToken)
	if err != nil {
		return nil, err
	}
	access := web.Access{
		Key: key, By: w.by(), Secure: p.certificate != nil, UserHeader: f.UserHeader, Deployers: f.Deployers, Unix: slices.Contains(f.Proxy, "unix"),
	}
	if access.Proxies, err = f.proxies(); err != nil {
		return nil, exit(exitUsage, err)
	}
	if p.listener, err = web.Bind(ctx, f.Listen, p.certificate != nil || len(access.Proxies) > 0); err != nil {
		return nil, exit(exitUsage, err)
	}
	access.Hosts = append(ownNames(p.listener.Addr()), f.Host...)
	runs := &webRuns{places: places}
	var mu sync.Mutex
	p.server, err = web.New(web.Options{
		Runs: runs, Starts: starts, Access: access, Plans: dir, Version: version, Now: w.now, ByHand: exec.ByHand,
		Log: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(w.stderr, "%s %s\n", w.now().UTC().Format("15:04:05"), text)
		},
		More: map[string]http.Handler{"GET /metrics": runs.metrics()},
	})
	if err != nil {
		p.listener.Close()
		return nil, err
	}
	p.at = p.listener.Addr().String()
	if len(f.Proxy) == 0 {
		p.token, p.reader = access.Token(), access.Reader()
		if _, port, err := net.SplitHostPort(p.at); err == nil && len(f.Host) > 0 {
			p.at = net.JoinHostPort(f.Host[0], port)
		}
	}
	return p, nil
}

// check refuses flags that do not fit together.
func (f *webFlags) check() error {
	onUnix := strings.HasPrefix(f.Listen, "unix:")
	switch {
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case onUnix != slices.Contains(f.Proxy, "unix"):
		return errors.New("who may use a socket in the file system is a proxy: --listen unix:PATH and --trusted-proxy unix go together")
	case onUnix && len(f.Proxy) > 1:
		return errors.New("there is no other proxy than those that may use the socket")
	case len(f.Deployers) > 0 && len(f.Proxy) == 0:
		return errors.New("--deployers are users whom a proxy names: it goes with --trusted-proxy")
	}
	return nil
}

// proxies are the networks that are believed.
func (f *webFlags) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range f.Proxy {
		if text == "unix" {
			continue
		}
		if ip, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
			continue
		}
		net, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s: it is neither an address nor a network", text)
		}
		all = append(all, net.Masked())
	}
	return all, nil
}

// ownNames are the names by which a server that listens there is asked.
func ownNames(at net.Addr) []string {
	tcp, ok := at.(*net.TCPAddr)
	switch {
	case !ok:
		return []string{"localhost"}
	case tcp.IP.IsLoopback():
		return []string{tcp.IP.String(), "localhost"}
	case tcp.IP.IsUnspecified():
		return []string{"localhost", "127.0.0.1", "::1"}
	}
	return []string{tcp.IP.String()}
}

// addressOf is what a person opens to see a page.
func (p *page) addressOf(path string) string {
	if p.token == "" {
		return "Listening for the proxy at " + p.at
	}
	return p.plainAddress(path) + "?token=" + p.token
}

// plainAddress is where a page is, for who has a token already.
func (p *page) plainAddress(path string) string {
	scheme := "http"
	if p.certificate != nil {
		scheme = "https"
	}
	return scheme + "://" + p.at + path
}

// webDir is the directory of the key and of the plans of a server: beside the
// runs, and where a group shares these, one of each user, which nobody else can
// have prepared.
func webDir(runs journal.Dir) (string, error) {
	dir := filepath.Join(string(runs), ".web")
	shared := runs.Shared()
	if shared {
		dir += "." + strconv.Itoa(os.Geteuid())
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot make the directory of the web page: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("cannot use the directory of the web page: %w", err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if shared && (!info.IsDir() || info.Mode().Perm()&0o077 != 0 || owner != os.Geteuid()) {
		return "", fmt.Errorf("cannot use %s: it is no directory that is yours alone, so somebody else may know the key of the page; remove it", dir)
	}
	return dir, nil
}

// webKey is the secret of a server here. It stays the same when the server is
// started again, so that browsers need not be shown the token again.
func webKey(dir string, renew bool) ([]byte, error) {
	const size = 32
	file := filepath.Join(dir, "key")
	if !renew {
		key, err := os.ReadFile(file)
		if err == nil && len(key) == size {
			return key, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read the key of the web page: %w", err)
		}
	}
	key := make([]byte, size)
	_, _ = rand.Read(key) // never fails
	if err := writeFile(file, key, 0o600); err != nil {
		return nil, err
	}
	return key, nil
}

// webRuns are the recorded runs as the page asks for them.
type webRuns struct {
	mu     sync.Mutex // of places
	places *places
}

func (r *webRuns) List(ctx context.Context, f web.Filter, most int) ([]view.Run, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, err := r.places.list(ctx)
	if err != nil {
		return nil, 0, err
	}
	c := runsCmd{}
	for _, one := range []struct {
		to   *[]string
		text string
	}{{&c.Service, f.Service}, {&c.Env, f.Env}, {&c.User, f.User}, {&c.Outcome, f.Outcome}, {&c.Release, f.Release}} {
		if one.text != "" {
			*one.to = []string{one.text}
		}
	}
	rows, more := []view.Run{}, 0
	for _, s := range list {
		switch {
		case !c.wants(s):
		case len(rows) == most:
			more++
		default:
			rows = append(rows, r.places.rowOf(ctx, s))
		}
	}
	return rows, more, nil
}

func (r *webRuns) Find(ctx context.Context, id string) (string, journal.Store, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.places.find(ctx, id)
}

func (r *webRuns) Steer(ctx context.Context, run string) (journal.Store, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, store, err := (&steerFlags{ID: run}).find(ctx, r.places)
	return store, err
}
