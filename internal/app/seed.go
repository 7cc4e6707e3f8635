package app

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
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
		data, err := readUserFile(name)
		if err != nil {
			return fmt.Errorf("assets: %w", err)
		}
		if err := a.control.seedAssets(ctx, name, data); err != nil {
			return err
		}
	}
	for i, pattern := range a.o.Config.Rules {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			return &ConfigError{fmt.Errorf("rules[%d]: no file matches %s", i, pattern)}
		}
		sort.Strings(names)
		for _, name := range names {
			data, err := readUserFile(name)
			if err != nil {
				return fmt.Errorf("rules[%d]: %w", i, err)
			}
			if err := a.control.seedRule(ctx, name, data); err != nil {
				return err
			}
		}
	}
	return nil
}

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
