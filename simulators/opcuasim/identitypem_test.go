package opcuasim

import (
	"bytes"
	"testing"
	"time"
)

func TestIdentityIsKept(t *testing.T) {
	id, err := NewIdentity(DefaultApplicationURI, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text, err := id.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseIdentity(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.Thumbprint() != id.Thumbprint() || got.ApplicationURI() != id.ApplicationURI() || !got.key.Equal(id.key) {
		t.Error("another identity was read than was written")
	}
	other, err := NewIdentity(DefaultApplicationURI, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing":         nil,
		"no key":          id.CertificatePEM(),
		"another's key":   append(id.CertificatePEM(), foreign[len(other.CertificatePEM()):]...),
		"a cut file":      text[:len(text)/2],
		"a spoiled block": bytes.Replace(text, []byte("MII"), []byte("AAA"), 1),
	} {
		if _, err := ParseIdentity(text); err == nil {
			t.Errorf("%s was taken for an identity", name)
		}
	}
}
