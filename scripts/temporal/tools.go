//go:build tools

// Package temporal pins the Temporal CLI that `npm run setup` builds where no download can be had.
package temporal

import _ "github.com/temporalio/cli/cmd/temporal"
