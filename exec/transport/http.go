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
for _d in "$got" "$got.part"; do [ ! -L "$_d" ] || rm -f -- "$_d"; done
good() { [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$sum  -" ]; }
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
full() {
  rm -f -- "$got.part"
  die "cannot write the artifact below $p$(room); what runs is untouched"
}
# The kinds of end of a fetch, but for 0 that it came.
broke=1 no=2 anew=3
by_curl() {
  _rc=0
  _code=$({
    printf 'url = "%s"\noutput = "%s"\ncontinue-at = "-"\n' "$(quoted "$1")" "$(quoted "$got.part")"
    [ -z "$proxy" ] || printf 'proxy = "%s"\n' "$(quoted "$proxy")"
    printf 'fail\nlocation\nsilent\nshow-error\ngloboff\nproto = "=http,https"\nproto-redir = "=http,https"\nmax-redirs = 5\n'
    printf 'connect-timeout = 10\nspeed-limit = 1\nspeed-time = 30\nmax-time = %s\nwrite-out = "%%{http_code}"\n' "$left"
  } | curl -q -K - 2>"$in.out") || _rc=$?
  case $_rc:$_code in
    0:*) return 0 ;;
    18:* | 52:* | 55:* | 56:* | 92:* | 22:5* | 22:429) return "$broke" ;;
    33:* | 36:* | 22:416) return "$anew" ;;
    23:*) full ;;
  esac
  return "$no"
}
# by_wget is for GNU's and for busybox's, whose -T may crash it.
by_wget() {
  set -- -c -O "$got.part" -- "$1"
  case $(wget --version 2>/dev/null) in *GNU*) set -- -nv -T 30 -t 1 --max-redirect=5 "$@" ;; *) set -- -q "$@" ;; esac
  [ -z "$proxy" ] || { http_proxy=$proxy https_proxy=$proxy; export http_proxy https_proxy; }
  timeout "$left" wget "$@" >"$in.out" 2>&1 </dev/null && return 0
  case $(cat "$in.out") in
    *"No space left"*) full ;;
    *"ERROR 416"* | *HTTP/1.?" 416"*) return "$anew" ;;
    *"ERROR 4"* | *HTTP/1.?" 4"* | *redirect*) return "$no" ;;
  esac
  [ "$(free k)" != 0 ] || full
  return "$broke"
}
if command -v curl >/dev/null 2>&1; then by=by_curl
elif command -v wget >/dev/null 2>&1; then by=by_wget
else die "neither curl nor wget is installed on this host, and the transport http needs one of them"; fi
through=
[ -z "$proxy" ] || through=" through the proxy $(printf '%s' "$proxy" | sed 's|//[^/@]*@|//|')" # but for its password
# load URL goes on with what is there, and begins anew, once, where that leads nowhere.
load() {
  _fresh=
  for _n in 1 2 3 4; do
    left "$1"
    [ -s "$got.part" ] || _fresh=1
    _end=0
    "$by" "$1" || _end=$?
    case $_end in
      0)
        ! good "$got.part" || return 0
        why="has the SHA-256 $(sha256sum <"$got.part" | cut -d ' ' -f 1), and the plan says $sum"
        rm -f -- "$got.part"
        [ -z "$_fresh" ] || return 1
        ;;
      "$anew") rm -f -- "$got.part" ;;
      *)
        why=$(tail -n 1 "$in.out" | sed 's/^[-0-9]* [0-9:]* ERROR/ERROR/') # wget says when
        why="cannot be fetched$through: ${why:-it broke off}"
        [ "$_end" = "$broke" ] || return 1
        sleep 0.2
        ;;
    esac
  done
  return 1
}
! good "$got.part" || mv -f -- "$got.part" "$got"
if ! good "$got"; then
  rm -f -- "$got"
  why= tried=0
  for url; do
    if load "$url"; then mv -f -- "$got.part" "$got"; break; fi
    tried=$((tried + 1))
    [ "$tried" = $# ] || echo "$url $why"
  done
  left "$url"
  [ -f "$got" ] || die "the artifact cannot be had: $url $why; what runs is untouched. Mend that, then apply again"
fi
mkdir -m 700 -- "$in"
`

// httpUnpack refuses names that lead out of the release before anything is
// unpacked; tar itself does not write through a link that it has made.
const httpUnpack = `for _c in "${opener%% *}" tar; do
  command -v "$_c" >/dev/null 2>&1 || die "$_c is not installed, and the artifact cannot be unpacked without it"
done
$opener <"$got" | tar -tf - >"$in.names" 2>"$in.out" || die "the artifact is no archive that tar can read: $(tail -n 1 "$in.out")"
odd=$(grep -e '^/' -e '^\.\./' -e '/\.\./' -e '/\.\.$' -e '^\.\.$' "$in.names" | head -n 1)
[ -z "$odd" ] || die "the archive has a name that leads out of the release: $odd"
[ "$strip" = 0 ] && strip= || strip=--strip-components=$strip
$opener <"$got" | (cd -- "$in" && tar -xom $strip -f -) 2>"$in.out" || {
  head -n 2 -- "$in.out"
  [ "$(free k)" != 0 ] && [ "$(free i)" != 0 ] || rm -f -- "$got"
  die "cannot unpack the archive below $p$(room); what runs is untouched"
}
`

// httpTake makes the manifest. Owners and modes are ours, whatever the archive
// says, and nothing but files and links may be in it.
const httpTake = `case $(find "$in" -name '*
*' | head -n 1) in ?*) die "the archive has a name with a line break, which shipit does not carry" ;; esac
odd=$(cd -- "$in" && find . ! -type f ! -type d ! -type l | head -n 1)
[ -z "$odd" ] || die "the archive has something that is neither a file nor a link: $odd"
modes
[ -n "$(ls -A -- "$in")" ] || die "the archive is empty"
digests "$in" >"$list"
same "$in" "$list" || die "the release changed while it was looked at"
`
