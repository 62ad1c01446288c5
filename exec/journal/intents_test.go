package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"shipit/exec/journal"
)

func TestIntentsAreNumberedInTheirOrderWhoeverWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run-1.jsonl")
	if all, err := journal.Intents(path); err != nil || len(all) > 0 {
		t.Fatal(all, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := journal.Intend(path, journal.Intent{Do: "pause", By: "anna@there"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := journal.Intents(path)
	if err != nil || len(all) != 8 {
		t.Fatal(all, err)
	}
	for n, i := range all {
		if i.N != int64(n+1) || i.Do != "pause" || i.By != "anna@there" {
			t.Errorf("%d: %+v", n, i)
		}
	}
	if runs, err := journal.List(filepath.Dir(path)); err != nil || len(runs) > 0 {
		t.Errorf("intents are listed as a run: %+v, %v", runs, err)
	}
}

func TestATornIntentIsLeftOutAndDamageIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run-1.jsonl")
	file := strings.TrimSuffix(path, ".jsonl") + ".intents"
	for range 2 {
		if _, err := journal.Intend(path, journal.Intent{Do: "pause"}); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := journal.Intents(path); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if n, err := journal.Intend(path, journal.Intent{Do: "continue"}); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	if all, err := journal.Intents(path); err != nil || len(all) != 2 || all[1].Do != "continue" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.WriteFile(file, data[:5], 0o600); err != nil { // the very first of them
		t.Fatal(err)
	}
	if n, err := journal.Intend(path, journal.Intent{Do: "abort"}); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if all, err := journal.Intents(path); err != nil || len(all) != 1 || all[0].Do != "abort" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "pause", "abort", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Intents(path); err == nil || !strings.Contains(err.Error(), "line 1 is damaged") {
		t.Errorf("it says %v", err)
	}
}
