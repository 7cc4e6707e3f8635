// Package configs holds the sample rules and configuration files, so that the
// program can start from them without being installed. It owns no code.
package configs

import "embed"

// FS holds the files of this folder: rules/*.yaml are rules, rules/*.test.yaml
// their tests, rules/starter rules to begin with, rules/demo those of the
// simulated line, and demo its
// registry.
//
//go:embed rules demo
var FS embed.FS
