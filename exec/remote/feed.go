package remote

import (
	"io"
	"sync"
	"time"
)

// A feed is the one goroutine that writes a process's input: the script, then
// data when the host asks for it or what a Hold gives, and at last the end of
// input, which is the dead-man's switch.
type feed struct {
	p     process
	cmd   Command
	input []byte
	early bool // the data is sent without being asked for

	sent  chan struct{} // closed when the script is out
	tried chan struct{} // closed when it is out or cannot get out any more
	ask   chan struct{} // closed when the host asks for data
	quit  chan struct{} // closed to end the input
	once  sync.Once
}

func newFeed(p process, cmd Command, input []byte) *feed {
	return &feed{
		p: p, cmd: cmd, input: input, early: cmd.sendsEarly(),
		sent: make(chan struct{}), tried: make(chan struct{}), ask: make(chan struct{}), quit: make(chan struct{}),
	}
}

// whole tells whether the host may have got the whole script. A write that
// failed did not send its last bytes, and a script that is not whole does
// not run. In doubt it may.
func (f *feed) whole() bool {
	select {
	case <-f.tried:
	case <-time.After(drainTime):
		return true
	}
	select {
	case <-f.sent:
		return true
	default:
		return false
	}
}

// sendData answers the host's request; it is called once.
func (f *feed) sendData() { close(f.ask) }

// stop ends the input as soon as the current write is over.
func (f *feed) stop() { f.once.Do(func() { close(f.quit) }) }

// earlyData is how much data at most is sent with the script: what one flight
// takes, and the pipe to a step that reads none of it.
const earlyData = 16 << 10

func (c *Command) sendsEarly() bool { return c.early && c.Data != nil && c.DataSize <= earlyData }

func (f *feed) run() {
	defer f.p.CloseWrite()
	input, whole := f.input, true
	if f.early {
		data := make([]byte, f.cmd.DataSize)
		n, err := io.ReadFull(f.cmd.Data, data)
		input = append(append(input, '\n'), data[:n]...)
		if whole = err == nil; whole {
			input = append(input, '.')
		}
	}
	_, err := f.p.Write(input)
	if err == nil {
		close(f.sent)
	}
	close(f.tried)
	if err != nil || !whole {
		return
	}
	if f.cmd.Hold != nil {
		f.copy(f.cmd.Hold)
		return // the end of Hold ends the input
	}
	select {
	case <-f.ask:
		if f.cmd.Data == nil || !f.early && !f.data() {
			return // the host finds its data cut and stops
		}
		<-f.quit
	case <-f.quit:
	}
}

// data sends the line that the pump waits for, exactly DataSize bytes, and
// the mark that says that they were all.
func (f *feed) data() bool {
	if _, err := io.WriteString(f.p, "\n"); err != nil {
		return false
	}
	buf := make([]byte, 32<<10)
	for left := f.cmd.DataSize; left > 0; {
		select {
		case <-f.quit:
			return false
		default:
		}
		n, err := f.cmd.Data.Read(buf[:min(left, int64(len(buf)))])
		if n > 0 {
			if _, err := f.p.Write(buf[:n]); err != nil {
				return false
			}
			left -= int64(n)
		}
		if err != nil && left > 0 {
			return false
		}
	}
	_, err := io.WriteString(f.p, ".")
	return err == nil
}

// copy sends what r gives until it ends or the input is to end. A read that
// is under way then is left behind.
func (f *feed) copy(r io.Reader) {
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 4<<10)
			n, err := r.Read(buf)
			if n > 0 {
				select {
				case chunks <- buf[:n]:
				case <-f.quit:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		select {
		case b, ok := <-chunks:
			if !ok {
				return
			}
			if _, err := f.p.Write(b); err != nil {
				return
			}
		case <-f.quit:
			return
		}
	}
}
