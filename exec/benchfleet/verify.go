//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// oldRelease is what runs before the first deploy.
const oldRelease = "r0"

// reset brings hosts back to a service that was put there by hand.
func reset(hosts []*member) error {
	var g errgroup.Group
	g.SetLimit(8)
	for _, m := range hosts {
		g.Go(func() error {
			return m.inside("sh", "-c", `rm -rf /srv/app/* /srv/app/.[!.]* /home/deploy/.shipit /home/deploy/.ansible /tmp/* &&
mkdir -p /srv/app/releases/r0 && echo r0 >/srv/app/releases/r0/VERSION && ln -s releases/r0 /srv/app/current &&
chown -Rh deploy:deploy /srv/app && service app restart`)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err := live(hosts, oldRelease, 5*time.Second)
	return err
}

// A running is which process serves on a host.
type running map[*member]string

// live tells by which processes a version is served on all hosts, within
// some time. It asks around SSH, from the switch.
func live(hosts []*member, version string, within time.Duration) (running, error) {
	r := running{}
	for _, m := range hosts {
		var info appInfo
		var err error
		for end := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
			info, err = ask(m.address)
			if err == nil && info.Version == version || !time.Now().Before(end) {
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s does not answer: %w", m.name, err)
		}
		if info.Version != version {
			return nil, fmt.Errorf("%s serves %s, not %s", m.name, info.Version, version)
		}
		r[m] = info.Process
	}
	return r, nil
}

func ask(address string) (appInfo, error) {
	var info appInfo
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d/_info", address, appPort), nil)
	if err != nil {
		return info, err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return info, err
	}
	defer res.Body.Close()
	return info, json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&info)
}

// verify insists that every host has the whole release, that it is what is
// live, and that it is served by another process than before, or by the same
// one where nothing was to do.
func verify(hosts []*member, want *release, before running, same bool) error {
	now, err := live(hosts, want.tag, 0) // who says that it is done is done
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(4)
	for _, m := range hosts {
		if (now[m] == before[m]) != same {
			return fmt.Errorf("%s: process %s serves, and before it was %s", m.name, now[m], before[m])
		}
		g.Go(func() error { return verifyFiles(m, want) })
	}
	return g.Wait()
}

func verifyFiles(m *member, want *release) error {
	at := filepath.Join(m.root(), appPath)
	link, err := os.Readlink(filepath.Join(at, "current"))
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	// An absolute link leads through the host's root, which is not ours.
	dir := strings.TrimPrefix(link, appPath+"/")
	if !filepath.IsLocal(dir) || !strings.HasPrefix(dir, "releases/") {
		return fmt.Errorf("%s: current leads to %s", m.name, link)
	}
	sums, err := digest(filepath.Join(at, dir))
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	for path, sum := range want.sums {
		if sums[path] != sum {
			return fmt.Errorf("%s: %s of %s is not what it should be", m.name, path, want.tag)
		}
	}
	delete(sums, "REVISION") // Capistrano's
	if len(sums) != len(want.sums) {
		return fmt.Errorf("%s: %d files in %s, wanted %d", m.name, len(sums), dir, len(want.sums))
	}
	return nil
}
