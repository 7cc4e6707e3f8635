package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"linewatch/configs"
	"linewatch/ingest"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
	"linewatch/ui"
)

// timeNow is the wall clock, of which nothing that is judged depends.
func timeNow() time.Time { return time.Now() }

// Files of the simulated line in configs.
const (
	demoAssets = "demo/assets.yaml"
	demoRules  = "rules/demo"
)

// seed publishes the assets and rules that the configuration names, and those
// of the simulated line, if nothing of their name was published before.
func (a *App) seed(ctx context.Context) error {
	if a.o.Simulate {
		if err := a.seedDemo(ctx); err != nil {
			return err
		}
	}
	at := ""
	if a.o.ConfigFile != "" {
		at = a.o.ConfigFile + ": "
	}
	outdated := false
	if name := a.o.Config.Assets; name != "" {
		var err error
		if outdated, err = a.seedAssets(ctx, name); err != nil {
			return fmt.Errorf("%sassets: %w", at, err)
		}
	}
	for i, pattern := range a.o.Config.Rules {
		if err := a.seedRules(ctx, pattern, outdated); err != nil {
			return fmt.Errorf("%srules[%d]: %w", at, i, err)
		}
	}
	if outdated { // which rules fit will be seen when the new registry is published
		a.control.seeded = nil
		return nil
	}
	if err := a.control.checkSeeded(); err != nil {
		return fmt.Errorf("%srules: %w", at, err)
	}
	return nil
}

// checkSeeded checks the rules that a start publishes against what comes after
// them, which they may read.
func (c *control) checkSeeded() error {
	var errs []error
	for _, src := range c.seeded {
		errs = append(errs, c.have.Check(src))
	}
	c.seeded = nil
	if err := errors.Join(errs...); err != nil {
		return &ConfigError{err}
	}
	return nil
}

// heldLog is a log that keeps back what is appended.
type heldLog struct {
	ingest.Log
	held [][]byte
}

// Append implements ingest.Log.
func (l *heldLog) Append(_ context.Context, _ int, data ...[]byte) error {
	for _, d := range data {
		l.held = append(l.held, bytes.Clone(d))
	}
	return ingest.CheckRecords(data)
}

// publishSeed publishes what seed has found, in one piece. Until then it is
// checked against one another as if it were published.
func (a *App) publishSeed(ctx context.Context) error {
	held := a.seeds.held
	a.control.log, a.seeds = a.seeds.Log, nil
	if len(held) == 0 {
		return nil
	}
	if err := a.control.log.Append(ctx, 0, held...); err != nil {
		return fmt.Errorf("write control log: %w", err)
	}
	return nil
}

// seedAssets publishes the registry in a file, or says that another one was
// published before and stays.
func (a *App) seedAssets(ctx context.Context, name string) (kept bool, err error) {
	data, err := ReadFile(name)
	if err != nil {
		return false, err
	}
	kept, err = a.control.seedAssets(ctx, name, data)
	if kept {
		a.o.Log.Info("the assets file differs from the registry that was published, which stays in force; publish the file with linewatch assets apply", "file", name)
	}
	return kept, err
}

// seedRules publishes the rules in the files that match a pattern. If the
// registry in force is outdated, a rule that it refuses must not stop the
// start, without which there is no process to publish the new one to.
func (a *App) seedRules(ctx context.Context, pattern string, outdated bool) error {
	names, err := filepath.Glob(pattern)
	names = slices.DeleteFunc(names, isRuleTest)
	if err != nil || len(names) == 0 {
		return &ConfigError{fmt.Errorf("no file matches %s; check the path, which is relative to the configuration", pattern)}
	}
	slices.Sort(names)
	for _, name := range names {
		data, err := ReadFile(name)
		if err != nil {
			return err
		}
		kept, err := a.control.seedRule(ctx, name, data)
		if refused, ok := errors.AsType[ui.Refused](err); ok && outdated {
			a.o.Log.Warn("a rule does not fit the registry in force and is not published; publish the assets file, then the rule", "file", name, "error", refused)
			continue
		}
		if err != nil {
			return seedError(err)
		}
		if kept {
			a.o.Log.Info("a rule file differs from what was published, which stays; linewatch rules diff shows how, linewatch rules apply publishes the file", "file", name)
		}
	}
	return nil
}

// isRuleTest reports whether a file beside the rules holds tests of one.
func isRuleTest(name string) bool { return strings.HasSuffix(name, ".test.yaml") }

func (a *App) seedDemo(ctx context.Context) error {
	data, err := configs.FS.ReadFile(demoAssets)
	if err != nil {
		return err
	}
	if _, err := a.control.seedAssets(ctx, demoAssets, data); err != nil {
		return err
	}
	entries, err := configs.FS.ReadDir(demoRules)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if isRuleTest(e.Name()) {
			continue
		}
		name := demoRules + "/" + e.Name()
		data, err := configs.FS.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := a.control.seedRule(ctx, name, data); err != nil {
			return seedError(err)
		}
	}
	return nil
}

// seedRule publishes a rule unless there is or was one of its name, so that a
// restart does not undo what was changed meanwhile. kept says that another
// content was published last than that of the file.
func (c *control) seedRule(ctx context.Context, file string, body []byte) (kept bool, err error) {
	src, err := rulefile.ReadRule(file, body)
	if err != nil {
		return false, &ConfigError{err}
	}
	if old, ok := c.rules[src.Rule.ID]; ok {
		return !reflect.DeepEqual(old.rule, src.Rule), nil
	}
	if _, err = c.publish(ctx, src, ui.AtOnce(), (*ruleset.InForce).Check); err == nil {
		c.seeded = append(c.seeded, src)
	}
	return false, err
}

// seedAssets publishes the registry unless there is one. kept says that there
// is another one than that of the file.
func (c *control) seedAssets(ctx context.Context, file string, body []byte) (kept bool, err error) {
	if c.assets == nil {
		_, err := c.ApplyAssets(ctx, file, body)
		return false, seedError(err)
	}
	assets, err := rulefile.ParseAssets(file, body)
	if err != nil {
		return false, &ConfigError{err}
	}
	return !reflect.DeepEqual(*c.assets, assets), nil
}

// seedError turns a refused file into the user's mistake that it is.
func seedError(err error) error {
	if refused, ok := errors.AsType[ui.Refused](err); ok {
		return &ConfigError{refused.Err}
	}
	return err
}
