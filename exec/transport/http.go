package transport

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// An httpTransport has the hosts fetch an artifact by HTTP. Its digest is in
// the plan, so that any cache or mirror on the way will do: the one that the
// host's label names first, then the others, then the origin. A download that
// broke off is gone on with, also by a later run.
type httpTransport struct {
	url      string
	sha256   string
	mirrors  map[string]string // URLs by a value of the label mirrorBy
	mirrorBy string
	proxy    string
	strip    int
	unpack   string // shell that unpacks the archive "$got" in "$in", or puts the file there
	shared   []string
}

func newHTTP(s lang.Spec, _ Source) (Transport, error) {
	t := &httpTransport{
		url: s.Text("url"), sha256: s.Text("sha256"), mirrors: s.Map("mirrors"), mirrorBy: s.Text("mirror_by"),
		proxy: s.Text("proxy"), strip: int(s.Int("strip")), shared: s.List("shared"),
	}
	u, err := url.Parse(t.url)
	if err != nil {
		return nil, fmt.Errorf("cannot fetch the artifact: %w", err)
	}
	t.unpack, err = unpacking(path.Base(u.Path), s)
	return t, err
}

// unpacking is the shell that makes a release of the artifact.
func unpacking(name string, s lang.Spec) (string, error) {
	if _, said := s.Attrs["unpack"]; said && !s.Bool("unpack") {
		if name == "/" || name == "." || name == ".." {
			return "", fmt.Errorf("cannot tell the name of the file from %s", s.Text("url"))
		}
		return fmt.Sprintf("cp -- \"$got\" \"$in\"/%[1]s\nchmod 755 -- \"$in\"/%[1]s\n", remote.Quote(name)), nil
	}
	for _, form := range []struct{ suffixes, open string }{
		{".tar", "cat"},
		{".tar.gz .tgz", "gzip -dc"},
		{".tar.bz2 .tbz2", "bzip2 -dc"},
		{".tar.xz .txz", "xz -dc"},
		{".tar.zst .tzst", "zstd -dc"},
	} {
		for suffix := range strings.FieldsSeq(form.suffixes) {
			if strings.HasSuffix(name, suffix) {
				return fmt.Sprintf("opener=%s\n", remote.Quote(form.open)) + httpUnpack, nil
			}
		}
	}
	return "", fmt.Errorf("cannot unpack %q: its name ends neither in .tar nor in .tar.gz, .tar.bz2, .tar.xz or .tar.zst; write unpack = false if it is not an archive", name)
}

func (t *httpTransport) Step(_ context.Context, d Delivery) (remote.Step, io.Reader, int64, error) {
	var urls strings.Builder
	for _, u := range t.sources(d.Labels[t.mirrorBy]) {
		urls.WriteString(" " + remote.Quote(u))
	}
	return remote.Step{
		ID: "stage", Op: "stage", Args: stageArgs(d),
		Shell: open(d) + fmt.Sprintf("sum=%s proxy=%s strip=%d\nset --%s\n", remote.Quote(t.sha256), remote.Quote(t.proxy), t.strip, urls.String()) +
			httpFetch + t.unpack + httpTake + shared(t.shared) + "settle\nrm -f -- \"$got\"\n",
	}, nil, 0, nil
}

// sources are the URLs in the order in which a host tries them.
func (t *httpTransport) sources(near string) []string {
	var list []string
	add := func(u string) {
		if u != "" && !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	add(t.mirrors[near])
	var values []string
	for value := range t.mirrors {
		values = append(values, value)
	}
	slices.Sort(values)
	for _, value := range values {
		add(t.mirrors[value])
	}
	add(t.url)
	return list
}

// httpFetch brings the artifact to "$got". curl reads its arguments from its
// standard input, because a URL may hold a token and a process list must not.
const httpFetch = `begin
got=$p/.shipit/download-$sum
for _d in "$p"/.shipit/download-*; do
  case $_d in "$got" | "$got.part" | "$p/.shipit/download-*") ;; *) rm -f -- "$_d" ;; esac
done
good() { [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$sum  -" ]; }
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
# load URL goes on with what is there, three times, and begins anew where that cannot be gone on with.
load() {
  command -v curl >/dev/null 2>&1 || { load_wget "$1"; return; }
  for _n in 1 2 3; do
    _rc=0
    {
      printf 'url = "%s"\noutput = "%s"\ncontinue-at = "-"\n' "$(quoted "$1")" "$(quoted "$got.part")"
      [ -z "$proxy" ] || printf 'proxy = "%s"\n' "$(quoted "$proxy")"
      printf 'fail\nlocation\nsilent\nshow-error\ngloboff\nproto = "=http,https"\nproto-redir = "=http,https"\nmax-redirs = 5\n'
      printf 'connect-timeout = 10\nspeed-limit = 1\nspeed-time = 30\nmax-time = %s\n' "$secs"
    } | curl -q -K - >"$in.out" 2>&1 || _rc=$?
    case $_rc in
      0) return 0 ;;
      18 | 52 | 55 | 56 | 92) sleep 0.2 ;;                             # it broke off
      22 | 33 | 36) [ -s "$got.part" ] && rm -f -- "$got.part" || return 1 ;; # no such range, or no such file
      *) return 1 ;;
    esac
  done
  return 1
}
load_wget() {
  command -v wget >/dev/null 2>&1 || die "neither curl nor wget is installed"
  [ -z "$proxy" ] || { http_proxy=$proxy https_proxy=$proxy; export http_proxy https_proxy; }
  timeout "$secs" wget -q -c -T 30 -O "$got.part" "$1" >"$in.out" 2>&1 </dev/null && return 0
  rm -f -- "$got.part"
  timeout "$secs" wget -q -T 30 -O "$got.part" "$1" >"$in.out" 2>&1 </dev/null
}
! good "$got.part" || mv -f -- "$got.part" "$got"
if ! good "$got"; then
  rm -f -- "$got"
  for url; do
    if load "$url"; then
      if good "$got.part"; then mv -f -- "$got.part" "$got"; break; fi
      why="has the SHA-256 $(sha256sum <"$got.part" | cut -d ' ' -f 1), and the plan says $sum"
      rm -f -- "$got.part"
    else
      why=$(tail -n 1 "$in.out")
      why="cannot be fetched: ${why:-no reason given}"
    fi
    echo "$url $why"
  done
  [ -f "$got" ] || die "the artifact cannot be had: $url $why"
fi
mkdir -m 700 -- "$in"
`

// httpUnpack refuses names that lead out of the release before anything is
// unpacked; tar itself does not write through a link that it has made.
const httpUnpack = `command -v "${opener%% *}" >/dev/null 2>&1 || die "${opener%% *} is not installed, and the artifact cannot be unpacked without it"
$opener <"$got" | tar -tf - >"$in.names" 2>"$in.out" || die "the artifact is no archive that tar can read: $(tail -n 1 "$in.out")"
odd=$(grep -e '^/' -e '^\.\./' -e '/\.\./' -e '/\.\.$' -e '^\.\.$' "$in.names" | head -n 1)
[ -z "$odd" ] || die "the archive has a name that leads out of the release: $odd"
[ "$strip" = 0 ] && strip= || strip=--strip-components=$strip
$opener <"$got" | (cd -- "$in" && tar -xom $strip -f -) ||
  die "cannot unpack the archive below $p, where $(df -Pk "$p" | tail -n 1 | sed 's/.* \([0-9]*\)  *[0-9]*%.*/\1/') KiB are free"
`

// httpTake makes the manifest. Owners and modes are ours, whatever the archive
// says, and nothing but files and links may be in it.
const httpTake = `odd=$(cd -- "$in" && find . ! -type f ! -type d ! -type l | head -n 1)
[ -z "$odd" ] || die "the archive has something that is neither a file nor a link: $odd"
modes
[ -n "$(ls -A -- "$in")" ] || die "the archive is empty"
digests "$in" >"$list"
same "$in" "$list" || die "the release changed while it was looked at"
`
