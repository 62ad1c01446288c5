package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Bring copies the record of a run from the Redis into dir, so that this
// machine can go on with it or take it back, and returns the journal's path.
// All of it is checked before. A journal that is there already gets what it
// lacks.
func (r *Redis) Bring(ctx context.Context, run, dir string) (string, error) {
	data, err := r.journal(ctx, run)
	if err != nil {
		return "", err
	}
	rec, err := parse(r.name+" of run "+run, bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	if rec.Header.Run != run || rec.Torn != "" {
		return "", fmt.Errorf("cannot trust what Redis %s holds of run %s: it is not a whole record of that run", r.name, run)
	}
	path := filepath.Join(dir, run+suffix)
	if _, err := os.Stat(path); err == nil {
		return path, complete(path, data)
	}
	plan, err := r.Plan(ctx, run)
	if err != nil {
		return "", err
	}
	if err := SavePlan(dir, run, plan); err != nil {
		return "", err
	}
	if err := put(path, data, os.Link); err != nil && !errors.Is(err, fs.ErrExist) { // another command may have been faster
		return "", explain("bring the journal of the run", err)
	}
	return path, syncDir(dir)
}

// complete gives a journal the lines that another machine added.
func complete(path string, data []byte) error {
	j, rec, err := Open(path)
	if err != nil {
		return err
	}
	defer j.Close()
	mine, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read journal: %w", err)
	}
	mine = mine[:rec.Size]
	switch {
	case bytes.HasPrefix(mine, data):
		return nil // Redis has not got all of it yet
	case !bytes.HasPrefix(data, mine):
		return fmt.Errorf("cannot go on with the run: what journal %s says and what Redis holds differ; "+
			"the hosts know where they stand: run `shipit status` or `shipit plan` to ask them", path)
	}
	if _, err := j.file.Write(data[len(mine):]); err != nil {
		return explain("write journal", err)
	}
	if err := unix.Fdatasync(int(j.file.Fd())); err != nil {
		return explain("write journal", &fs.PathError{Op: "fdatasync", Path: path, Err: err})
	}
	return nil
}

// Merge is the runs of this machine and those that a Redis knows, each once,
// newest first. Of a run that both know, who knows more of it is right.
func Merge(here, shared []Summary) []Summary {
	at := map[string]int{}
	var all []Summary
	for _, s := range here {
		at[s.Run] = len(all)
		all = append(all, s)
	}
	for _, s := range shared {
		i, known := at[s.Run]
		switch {
		case !known:
			all = append(all, s)
		case s.Events > all[i].Events && s.Problem == "":
			s.Path = all[i].Path
			all[i] = s
		}
	}
	newestFirst(all)
	return all
}
