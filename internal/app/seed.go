package app

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"linewatch/configs"
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
	if name := a.o.Config.Assets; name != "" {
		data, err := ReadFile(name)
		if err != nil {
			return fmt.Errorf("assets: %w", err)
		}
		if err := a.control.seedAssets(ctx, name, data); err != nil {
			return err
		}
	}
	for i, pattern := range a.o.Config.Rules {
		if err := a.seedRules(ctx, pattern); err != nil {
			return fmt.Errorf("rules[%d]: %w", i, err)
		}
	}
	return nil
}

// seedRules publishes the rules in the files that match a pattern.
func (a *App) seedRules(ctx context.Context, pattern string) error {
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
		if err := a.control.seedRule(ctx, name, data); err != nil {
			return err
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
	if err := a.control.seedAssets(ctx, demoAssets, data); err != nil {
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
		if err := a.control.seedRule(ctx, name, data); err != nil {
			return err
		}
	}
	return nil
}
