package remote

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// soon is how long a certificate should be good for yet: about a run. A host
// that must be reached again after it cannot be.
const soon = time.Hour

// usable tells whether a certificate of ours can log in, as far as we see. It
// says before anything is dialled what is wrong with its time, and keeps for
// a login that is refused what the host may not like.
func (k *keyring) usable(p *pick, w wish, c *ssh.Certificate) bool {
	name := fmt.Sprintf("the certificate %q for %s", c.KeyId, ssh.FingerprintSHA256(c.Key))
	now := k.now()
	doubt := func(text string) { p.doubts = append(p.doubts, text) }
	switch {
	case c.CertType != ssh.UserCert:
		doubt(name + " is not one for users")
		return false
	case now.Before(moment(c.ValidAfter)):
		text := fmt.Sprintf("%s is not valid before %s", name, clock(c.ValidAfter))
		k.warn(text + "; is the clock of this machine right?")
		doubt(text)
		return false
	case !now.Before(moment(c.ValidBefore)):
		text := fmt.Sprintf("%s has expired at %s", name, clock(c.ValidBefore))
		k.warn(text + "; have it signed anew")
		doubt(text)
		return false
	case now.Add(soon).After(moment(c.ValidBefore)):
		k.warn(fmt.Sprintf("%s expires in %v, at %s; a run that lasts longer cannot reach a host again", name,
			moment(c.ValidBefore).Sub(now).Round(time.Minute), clock(c.ValidBefore)))
	}
	if len(c.ValidPrincipals) > 0 && !slices.Contains(c.ValidPrincipals, w.user) {
		// Not refused: AuthorizedPrincipalsFile may map them.
		doubt(fmt.Sprintf("%s is for %s, not for %s", name, strings.Join(c.ValidPrincipals, ", "), w.user))
	}
	return true
}

// moment is a time of a certificate; those that no clock reaches are far away.
func moment(t uint64) time.Time { return time.Unix(int64(min(t, 1<<40)), 0) }

func clock(t uint64) string { return moment(t).Format("2006-01-02 15:04 MST") }
