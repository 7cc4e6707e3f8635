// Package ruleset looks at rule files as a whole: whether what one refers to
// exists in the others, in the plant, and in what a process has in force, what
// reads what, and what differs between two versions of a rule.
//
// It reads no files and talks to nobody; whoever calls it brings the content.
package ruleset
