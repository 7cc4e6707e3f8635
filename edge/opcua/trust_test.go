package opcua

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"linewatch/edge"
)

const serverURI = "urn:test:server"

// now is within the dates of the certificates below.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// issue makes a certificate that parent signs; nil: itself. All have the same
// key.
func issue(t *testing.T, name, uri string, authority bool, from, to time.Time, parent *x509.Certificate) *x509.Certificate {
	t.Helper()
	own, _ := testIdentity(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: to, IsCA: authority, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if uri != "" {
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = []*url.URL{parsed}
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.key.PublicKey, own.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func write(t *testing.T, name string, pemType string, der ...[]byte) string {
	t.Helper()
	var content []byte
	for _, b := range der {
		if pemType == "" {
			content = append(content, b...)
			continue
		}
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: b})...)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestServerCertificates(t *testing.T) {
	hour := time.Hour
	authority := issue(t, "authority", "", true, now.Add(-hour), now.Add(hour), nil)
	between := issue(t, "between", "", true, now.Add(-hour), now.Add(hour), authority)
	good := issue(t, "server", serverURI, false, now.Add(-hour), now.Add(hour), nil)
	signed := issue(t, "signed", serverURI, false, now.Add(-hour), now.Add(hour), between)
	expired := issue(t, "expired", serverURI, false, now.Add(-2*hour), now.Add(-hour), nil)
	early := issue(t, "early", serverURI, false, now.Add(hour), now.Add(2*hour), nil)
	nameless := issue(t, "nameless", "", false, now.Add(-hour), now.Add(hour), nil)
	thumbprint := func(c *x509.Certificate) edge.OPCUAConfig {
		sum := sha256.Sum256(c.Raw)
		return edge.OPCUAConfig{Thumbprint: hex.EncodeToString(sum[:])}
	}
	trusts := func(certs ...*x509.Certificate) edge.OPCUAConfig {
		var c edge.OPCUAConfig
		for i, cert := range certs {
			kind := pemCert
			if i%2 == 1 {
				kind = "" // DER
			}
			c.Trust = append(c.Trust, write(t, "trusted", kind, cert.Raw))
		}
		return c
	}
	for _, row := range []struct {
		name  string
		trust edge.OPCUAConfig
		chain [][]byte
		want  string // empty: believed
	}{
		{"the server's own", trusts(expired, good), [][]byte{good.Raw}, ""},
		{"pinned", thumbprint(good), [][]byte{good.Raw}, ""},
		{"an authority's", trusts(authority), [][]byte{signed.Raw, between.Raw}, ""},
		{"an authority's, both in files", trusts(authority, between), [][]byte{signed.Raw}, ""},
		{"without the one between", trusts(authority), [][]byte{signed.Raw}, "not in opcua.trust"},
		{"somebody else's", trusts(authority), [][]byte{good.Raw}, "not in opcua.trust"},
		{"signed by a server", trusts(good), [][]byte{issue(t, "forged", serverURI, false, now.Add(-hour), now.Add(hour), good).Raw}, "not in opcua.trust"},
		{"another one is pinned", thumbprint(signed), [][]byte{good.Raw}, "another thumbprint"},
		{"expired", trusts(expired), [][]byte{expired.Raw}, "expired at 2026-11-22T11:00:00Z"},
		{"expired and pinned", thumbprint(expired), [][]byte{expired.Raw}, "expired at"},
		{"too early", thumbprint(early), [][]byte{early.Raw}, "valid from 2026-11-22T13:00:00Z only"},
		{"without a URI", thumbprint(nameless), [][]byte{nameless.Raw}, "but its certificate is for"},
		{"nonsense", thumbprint(good), [][]byte{[]byte("nonsense")}, "cannot be read"},
		{"nothing", thumbprint(good), nil, "cannot be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			trust, errs := newTrust(row.trust)
			if errs != nil {
				t.Fatal(errs)
			}
			leaf, err := trust.check(slices.Concat(row.chain...), serverURI, now)
			switch {
			case row.want == "" && (err != nil || !slices.Equal(leaf.Raw, row.chain[0])):
				t.Errorf("got %v, want it believed", err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
	trust, errs := newTrust(thumbprint(good))
	if errs != nil {
		t.Fatal(errs)
	}
	if _, err := trust.check(good.Raw, "urn:another", now); err == nil || !strings.Contains(err.Error(), `calls itself "urn:another"`) {
		t.Errorf("a server that calls itself otherwise: %v", err)
	}
}

func TestIdentityIsMadeOnceAndChecked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "opcua")
	first, err := ensureIdentity(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ensureIdentity(dir, now)
	if err != nil || !again.certificate.Equal(first.certificate) {
		t.Errorf("the second start has another certificate, or %v", err)
	}
	if first.uri == "" || first.certificate.URIs[0].String() != first.uri || first.key.N.BitLen() != keyBits {
		t.Errorf("the certificate is for %v with %d bits", first.certificate.URIs, first.key.N.BitLen())
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v; want mode 0700", dir, info.Mode(), err)
	}
	if err := os.Remove(filepath.Join(dir, CertificateFile)); err != nil {
		t.Fatal(err)
	}
	if other, err := ensureIdentity(dir, now); err != nil || other.certificate.Equal(first.certificate) {
		t.Errorf("a half-made identity was not made again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, KeyFile), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ensureIdentity(dir, now); err == nil || !strings.Contains(err.Error(), "no private key in PEM") || !strings.Contains(err.Error(), "remove "+dir) {
		t.Errorf("a damaged key: got %v, want what to do", err)
	}
}

func TestForeignIdentities(t *testing.T) {
	own, _ := testIdentity(t)
	cert := write(t, "cert.pem", pemCert, issue(t, "ours", "urn:us", false, now, now.Add(time.Hour), nil).Raw)
	nameless := write(t, "nameless.pem", pemCert, issue(t, "ours", "", false, now, now.Add(time.Hour), nil).Raw)
	old := write(t, "old.pem", pemRSAKey, x509.MarshalPKCS1PrivateKey(own.key))
	if got, err := loadIdentity(cert, old); err != nil || got.uri != "urn:us" {
		t.Errorf("got %v, %v, want urn:us", got, err)
	}
	other, err := ensureIdentity(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	stranger := write(t, "stranger.pem", pemRSAKey, x509.MarshalPKCS1PrivateKey(other.key))
	for _, row := range [][3]string{
		{cert, stranger, "does not belong to the key"},
		{nameless, old, "names no application URI"},
		{cert, cert, "no private key in PEM"},
		{old, old, "no certificate in PEM or DER"},
		{cert + "x", old, "no such file"},
		{cert, t.TempDir(), "not a file of at most"},
	} {
		if _, err := loadIdentity(row[0], row[1]); err == nil || !strings.Contains(err.Error(), row[2]) {
			t.Errorf("got %v, want %q in it", err, row[2])
		}
	}
}
