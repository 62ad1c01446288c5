package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SavePlan stores the plan of a run beside its journal, for who resumes the
// run, rolls it back or shows it. It is durable when SavePlan returns, and is
// there whole or not at all.
func SavePlan(dir, run string, data []byte) error {
	if err := checkRunID(run); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return explain("make the directory of journals", err)
	}
	if err := put(filepath.Join(dir, run+planSuffix), data, os.Rename); err != nil {
		return explain("save the plan of the run", err)
	}
	return syncDir(dir)
}

// put makes a file of a run, whole or not at all; place gives it its name.
func put(path string, data []byte, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if err = share(f, 0o660); err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = place(f.Name(), path)
	}
	return err
}

// Plan reads the plan of the run whose journal is at path.
func Plan(path string) ([]byte, error) {
	data, err := os.ReadFile(strings.TrimSuffix(path, suffix) + planSuffix)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan of the run: %w", err)
	}
	return data, nil
}
