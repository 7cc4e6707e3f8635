package ui

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		addr, token string
		want        string // part of the error; empty for none
	}{
		{"127.0.0.1:8080", testToken, ""},
		{"localhost:0", testToken, ""},
		{"[::1]:8080", testToken, ""},
		{"127.9.9.9:65535", testToken, ""},
		{":8080", testToken, "ssh -L 8080:127.0.0.1:8080"},
		{"0.0.0.0:8080", testToken, "no users yet"},
		{"192.0.2.1:8080", testToken, "use 127.0.0.1:8080"},
		{"localhost.example.com:80", testToken, "no users yet"},
		{"127.0.0.1", testToken, "want host:port"},
		{"127.0.0.1:65536", testToken, "want 0 to 65535"},
		{"127.0.0.1:http", testToken, "want 0 to 65535"},
		{"127.0.0.1:00", testToken, "as 0"},
		{"127.0.0.1:8080", testToken[1:], "31 characters"},
		{"127.0.0.1:8080", "", "0 characters"},
	}
	for _, tt := range tests {
		err := Config{Addr: tt.addr, Token: tt.token}.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s with a token of %d: got error %v, want %q", tt.addr, len(tt.token), err, tt.want)
		}
	}
}

func TestBusyAddress(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newServer(t, bottlingLine())
	s.opts.Config.Addr = l.Addr().String()
	err = s.Run(context.Background())
	if !errors.Is(err, ErrAddressInUse) || !strings.Contains(err.Error(), "--http") {
		t.Errorf("got %v, want ErrAddressInUse with a remedy", err)
	}
}
