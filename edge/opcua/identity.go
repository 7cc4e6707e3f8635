package opcua

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"linewatch/internal/strictyaml"
)

// identity is a certificate with its key: who we are to a server.
type identity struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
	uri         string // our application URI, which the certificate holds
}

// The files of the identity that is made at the first start.
const (
	CertificateFile = "certificate.pem"
	KeyFile         = "key.pem"
)

const (
	keyBits      = 2048
	ownLifetime  = 20 * 365 * 24 * time.Hour // it is trusted by name at each server, so renewing it is work
	fileMode     = 0o600
	dirMode      = 0o700
	pemKey       = "PRIVATE KEY"
	pemRSAKey    = "RSA PRIVATE KEY"
	pemCert      = "CERTIFICATE"
	productURI   = "urn:linewatch"
	organisation = "Linewatch"
)

// ensureIdentity returns the identity in dir and makes it first if there is
// none. A half-made one is made again, a damaged one is an error.
func ensureIdentity(dir string, now time.Time) (*identity, error) {
	cert, key := filepath.Join(dir, CertificateFile), filepath.Join(dir, KeyFile)
	if _, err := os.Stat(cert); errors.Is(err, os.ErrNotExist) {
		if err := makeIdentity(dir, cert, key, now); err != nil {
			return nil, fmt.Errorf("make our own certificate: %w", err)
		}
	}
	own, err := loadIdentity(cert, key)
	if err != nil {
		return nil, fmt.Errorf("our own certificate: %w; remove %s to have another made", err, dir)
	}
	return own, nil
}

// makeIdentity writes the key first: a certificate that exists has its key.
func makeIdentity(dir, certFile, keyFile string, now time.Time) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return err
	}
	der, err := selfSigned(key, now)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if err := writeFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: secret})); err != nil {
		return err
	}
	return writeFile(certFile, pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: der}))
}

// selfSigned makes a certificate as OPC 10000-6, 6.2.2 wants an application's.
func selfSigned(key *rsa.PrivateKey, now time.Time) ([]byte, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Linewatch on " + host, Organization: []string{organisation}},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(ownLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment |
			x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{host},
		URIs:                  []*url.URL{{Scheme: "urn", Opaque: url.PathEscape(host) + ":linewatch"}},
	}
	return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
}

// writeFile replaces a file as a whole, readable by us alone.
func writeFile(name string, content []byte) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(fileMode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// loadIdentity reads a certificate and its key, both in PEM, and checks that
// they belong together and can be used.
func loadIdentity(certFile, keyFile string) (*identity, error) {
	certs, err := loadCertificates(certFile)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(keyFile)
	if err != nil {
		return nil, err
	}
	own := &identity{certificate: certs[0], key: key}
	if public, ok := own.certificate.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&key.PublicKey) {
		return nil, fmt.Errorf("%s does not belong to the key in %s", certFile, keyFile)
	}
	if len(own.certificate.URIs) == 0 {
		return nil, fmt.Errorf("%s names no application URI; it needs one as URI in the subject's alternative name", certFile)
	}
	own.uri = own.certificate.URIs[0].String()
	return own, nil
}

func loadKey(file string) (*rsa.PrivateKey, error) {
	data, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case pemRSAKey:
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case pemKey:
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if key, ok := key.(*rsa.PrivateKey); ok {
				return key, nil
			}
			return nil, fmt.Errorf("%s: a %T; an RSA key is needed", file, key)
		}
	}
	return nil, fmt.Errorf("%s: no private key in PEM without a password", file)
}

// maxFile bounds certificates, keys and passwords.
const maxFile = 1 << 20

func readSmall(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, strictyaml.Unreadable(file, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", file, maxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, strictyaml.Unreadable(file, err)
	}
	return data, nil
}
