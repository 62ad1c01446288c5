package journal

import (
	"bytes"
	"io"
	"os"
)

// A scroll reads the lines of a journal while it is being written, and any of
// them again: it keeps where they begin, not what they say.
type scroll struct {
	path string
	at   []int64 // where line i begins, 0 is the header; and at the end where the next one will
}

// events is how many events have been seen.
func (s *scroll) events() int64 { return max(0, int64(len(s.at))-2) }

// scan looks for lines that are new. What is not whole yet, or never will be,
// is left for the next time.
func (s *scroll) scan() error {
	if len(s.at) == 0 {
		s.at = []int64{0}
	}
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	from := s.at[len(s.at)-1]
	data, err := io.ReadAll(io.NewSectionReader(f, from, 1<<40))
	if err != nil {
		return err
	}
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		if _, err := unseal(line); err != nil {
			break
		}
		from += int64(len(line)) + 1
		s.at, data = append(s.at, from), rest
	}
	return nil
}

// line is a line without its newline.
func (s *scroll) line(f io.ReaderAt, i int64) ([]byte, error) {
	line := make([]byte, s.at[i+1]-s.at[i]-1)
	_, err := f.ReadAt(line, s.at[i])
	return line, err
}
