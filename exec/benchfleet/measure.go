//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	osexec "os/exec"
	"syscall"
	"time"
)

// A job is one run of a contestant.
type job struct {
	Prepare []string // what comes before and is not measured; may be empty
	Argv    []string
	Dir     string
	Env     []string
	Home    string // becomes /root: OpenSSH asks the password file, not HOME
	Log     string
	Limit   time.Duration
}

// A cost is what a job took of the deployer's machine.
type cost struct {
	Wall    float64 // seconds
	CPU     float64 // seconds, of all processes that it started
	RSS     int64   // bytes, most at once, of all of them together
	Sent    int64   // bytes out of the deployer's interface
	Packets int64
	Conns   int64 // TCP connections
	Error   string
}

// measure is the first process of a process namespace: what the job leaves
// behind, such as the masters of OpenSSH, becomes its child, is ended and
// counted. It reports on file descriptor 3: one byte before the job begins,
// and then its cost.
func measure(args []string) error {
	if len(args) != 1 {
		panic("internal error: measure wants one argument")
	}
	var j job
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		panic("internal error: " + err.Error())
	}
	report := os.NewFile(3, "report")
	syscall.CloseOnExec(3)
	if err := privateMounts(j.Home); err != nil {
		return err
	}
	log, err := os.OpenFile(j.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write the contestant's log: %w", err)
	}
	if len(j.Prepare) > 0 {
		if err := start(j, j.Prepare, log).Run(); err != nil {
			return fmt.Errorf("%v: %w", j.Prepare, err)
		}
	}
	if _, err := report.Write([]byte{'.'}); err != nil {
		return fmt.Errorf("cannot report: %w", err)
	}
	c, err := run(j, log)
	if err != nil {
		return err
	}
	return json.NewEncoder(report).Encode(c)
}

// run runs the job and adds up.
func run(j job, log *os.File) (cost, error) {
	before, err := readCounters()
	if err != nil {
		return cost{}, err
	}
	cpu := childrenCPU() + livingCPU()
	top := watchMemory(50 * time.Millisecond)
	cmd := start(j, j.Argv, log)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, fmt.Errorf("cannot start %s: %w", j.Argv[0], err)
	}
	late := time.AfterFunc(j.Limit, func() { _ = cmd.Process.Kill() })
	failed := cmd.Wait()
	c := cost{Wall: time.Since(began).Seconds()}
	if !late.Stop() {
		failed = fmt.Errorf("not over within %v", j.Limit)
	}
	if failed != nil {
		c.Error = failed.Error()
	}
	c.RSS = top()
	after, err := readCounters()
	if err != nil {
		return c, err
	}
	c.Sent, c.Packets, c.Conns = after.sent-before.sent, after.packets-before.packets, after.conns-before.conns
	_ = syscall.Kill(-1, syscall.SIGKILL) // all but us, in our namespace
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			break
		}
	}
	c.CPU = childrenCPU() - cpu
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err == nil {
		c.RSS = max(c.RSS, usage.Maxrss<<10) // of the largest: what ended between two looks
	}
	return c, nil
}

func start(j job, argv []string, log *os.File) *osexec.Cmd {
	cmd := osexec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = j.Dir, j.Env, log, log
	return cmd
}

func privateMounts(home string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	if err := syscall.Mount(home, "/root", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("cannot mount the deployer's home: %w", err)
	}
	return nil
}
