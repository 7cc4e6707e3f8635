// Package rulefile reads and writes the files in which people keep rules, the
// asset registry and reference tables: one YAML or JSON document each, with
// apiVersion and kind.
//
// It owns the form of these files and points at the line of every mistake,
// those of the rule's own checks included. What a rule may say is decided by
// the linewatch package.
package rulefile
