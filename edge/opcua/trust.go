package opcua

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"linewatch/edge"
)

// trust says which server's certificate is believed.
type trust struct {
	certificates []*x509.Certificate // servers' own, or authorities'
	thumbprint   []byte              // SHA-256 of the server's own, or nil
	any          bool                // nothing is checked: the configuration says insecure and names no trust
}

// newTrust reads what c trusts. The errors name field and file.
func newTrust(c edge.OPCUAConfig) (t trust, errs []error) {
	for i, file := range c.Trust {
		certs, err := loadCertificates(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("trust[%d]: %w", i, err))
		}
		t.certificates = append(t.certificates, certs...)
	}
	if c.Thumbprint != "" {
		var err error
		if t.thumbprint, err = edge.ParseThumbprint(c.Thumbprint); err != nil {
			errs = append(errs, fmt.Errorf("thumbprint: %w", err))
		}
	}
	t.any = len(c.Trust) == 0 && c.Thumbprint == ""
	return t, errs
}

// loadCertificates reads one or more certificates in PEM or DER.
func loadCertificates(file string) ([]*x509.Certificate, error) {
	data, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	var der []byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == pemCert {
			der = append(der, block.Bytes...)
		}
	}
	if der == nil {
		der = data
	}
	certs, err := x509.ParseCertificates(der)
	if err != nil || len(certs) == 0 {
		return nil, fmt.Errorf("%s: no certificate in PEM or DER", file)
	}
	return certs, nil
}

// check returns the server's certificate out of the chain that it sent, if it
// is to be believed now and is that of the application that the server says it
// is.
func (t *trust) check(chain []byte, uri string, now time.Time) (*x509.Certificate, error) {
	certs, err := x509.ParseCertificates(chain)
	if err != nil || len(certs) == 0 {
		return nil, errors.New("the server's certificate cannot be read")
	}
	leaf := certs[0]
	if t.any {
		return leaf, nil
	}
	if err := t.believe(leaf, certs[1:], now); err != nil {
		return nil, err
	}
	switch {
	case now.Before(leaf.NotBefore):
		return nil, fmt.Errorf("the server's certificate is valid from %s only; check the clocks of both sides", leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.After(leaf.NotAfter):
		return nil, fmt.Errorf("the server's certificate expired at %s; renew it at the server", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	for _, u := range leaf.URIs {
		if u.String() == uri {
			return leaf, nil
		}
	}
	return nil, fmt.Errorf("the server calls itself %.200q, but its certificate is for %v", uri, leaf.URIs)
}

// believe checks who the certificate is from.
func (t *trust) believe(leaf *x509.Certificate, others []*x509.Certificate, now time.Time) error {
	sum := sha256.Sum256(leaf.Raw)
	if t.thumbprint != nil {
		if !bytes.Equal(t.thumbprint, sum[:]) {
			return unknownServer(leaf, sum, "has another thumbprint than opcua.thumbprint says")
		}
		return nil
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, cert := range t.certificates {
		if cert.Equal(leaf) {
			return nil
		}
		if cert.IsCA {
			roots.AddCert(cert)
		}
	}
	for _, cert := range others {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: clamp(now, leaf.NotBefore, leaf.NotAfter),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return unknownServer(leaf, sum, "is not in opcua.trust, nor signed by an authority there")
	}
	return nil
}

// clamp keeps the time within the certificate's own dates, which are checked
// with words of their own.
func clamp(now, from, to time.Time) time.Time {
	if now.Before(from) {
		return from
	}
	if now.After(to) {
		return to
	}
	return now
}

func unknownServer(leaf *x509.Certificate, sum [sha256.Size]byte, why string) error {
	return fmt.Errorf("the server's certificate %s: it is %.200q with SHA-256 thumbprint %s; compare that at the server before you trust it",
		why, leaf.Subject.String(), strings.ToUpper(hex.EncodeToString(sum[:])))
}

// sameLeaf reports whether chain begins with leaf.
func sameLeaf(chain []byte, leaf *x509.Certificate) bool {
	return bytes.HasPrefix(chain, leaf.Raw)
}
