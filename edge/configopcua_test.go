package edge

import (
	"strings"
	"testing"
)

func TestOPCUAConfigNamesEveryMistake(t *testing.T) {
	pinned := strings.Repeat("ab", 32)
	rows := []struct {
		name string
		o    OPCUAConfig
		want string // empty: fine
	}{
		{"pinned", OPCUAConfig{Thumbprint: pinned}, ""},
		{"pinned with colons", OPCUAConfig{Thumbprint: strings.Repeat("AB:", 31) + "AB"}, ""},
		{"trusted", OPCUAConfig{Trust: []string{"server.pem"}}, ""},
		{"insecure", OPCUAConfig{Insecure: true}, ""},
		{"insecure without security", OPCUAConfig{Insecure: true, Mode: "None"}, ""},
		{"nobody is trusted", OPCUAConfig{}, ".opcua.trust: missing"},
		{"no security", OPCUAConfig{Mode: "None", Thumbprint: pinned}, ".opcua.mode: None lets anybody"},
		{"unknown mode", OPCUAConfig{Mode: "signandencrypt", Insecure: true}, `.opcua.mode: "signandencrypt" is unknown`},
		{"weak policy", OPCUAConfig{Policy: "Basic128Rsa15", Insecure: true}, ".opcua.policy: \"Basic128Rsa15\" is unknown or too weak"},
		{"half of none", OPCUAConfig{Policy: "None", Insecure: true}, ".opcua.policy: None with mode SignAndEncrypt"},
		{"SHA-1", OPCUAConfig{Thumbprint: strings.Repeat("ab", 20)}, ".opcua.thumbprint: want the 64"},
		{"both trusts", OPCUAConfig{Thumbprint: pinned, Trust: []string{"x"}}, ".opcua.thumbprint: beside trust"},
		{"certificate without key", OPCUAConfig{Insecure: true, CertificateFile: "x"}, ".opcua.certificateFile: without its partner"},
		{"user without password", OPCUAConfig{Insecure: true, User: "x"}, ".opcua.user: without its partner"},
		{"long queue", OPCUAConfig{Insecure: true, Queue: 1001}, ".opcua.queue: 1001; use 1 to 1000"},
		{"long delay", OPCUAConfig{Insecure: true, Delay: maxDelay + 1}, ".opcua.delay"},
		{"long sampling", OPCUAConfig{Insecure: true, Sampling: maxInterval + 1}, ".opcua.sampling"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := Config{Gateway: "g", Sources: []SourceConfig{{
				ID: "s", Protocol: "opcua", Address: "h", OPCUA: row.o,
				Tags: []TagConfig{{Name: "t", Equipment: "e", Address: "ns=2;s=t"}},
			}}}
			err := c.WithDefaults().Validate()
			switch {
			case row.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "sources[s]"+row.want)):
				t.Errorf("got %v, want sources[s]%s...", err, row.want)
			}
		})
	}
}

func TestOPCUAFieldsBelongToOPCUA(t *testing.T) {
	source := SourceConfig{
		ID: "s", Protocol: "s7", Address: "h", OPCUA: OPCUAConfig{Insecure: true},
		Tags: []TagConfig{{Name: "t", Equipment: "e", Address: "MB1"}},
	}
	for range 2 {
		err := Config{Gateway: "g", Sources: []SourceConfig{source}}.WithDefaults().Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "sources[s].") {
			t.Errorf("%s source: got %v, want the field that does not belong to it", source.Protocol, err)
		}
		source.Protocol, source.Slot = "opcua", 1
	}
}
