package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// A line is a JSON object whose last member is the CRC-32C, in eight hex
// digits, of all the bytes before that member:
//
//	{"seq":1,"type":"run.started",…,"crc":"9a3c51f0"}
const (
	crcKey = `,"crc":"`
	crcEnd = `"}`
	tail   = len(crcKey) + 8 + len(crcEnd)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes a value that is a JSON object as a line with its checksum.
func seal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("cannot encode a record of the journal: %w", err)
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("}\n"))
	return fmt.Appendf(nil, "%s%s%08x%s\n", body, crcKey, crc32.Checksum(body, castagnoli), crcEnd), nil
}

// unseal checks a line, given without its newline, and returns the object
// without the checksum.
func unseal(line []byte) ([]byte, error) {
	cut := len(line) - tail
	if cut < 1 || line[0] != '{' || !bytes.HasPrefix(line[cut:], []byte(crcKey)) || !bytes.HasSuffix(line, []byte(crcEnd)) {
		return nil, fmt.Errorf("it has no checksum")
	}
	body, got := line[:cut], line[cut+len(crcKey):len(line)-len(crcEnd)]
	var sum [4]byte
	var want [8]byte
	binary.BigEndian.PutUint32(sum[:], crc32.Checksum(body, castagnoli))
	if hex.Encode(want[:], sum[:]); !bytes.Equal(got, want[:]) {
		return nil, fmt.Errorf("its checksum is %s, not %s", want, got)
	}
	return append(append(make([]byte, 0, cut+1), body...), '}'), nil
}
