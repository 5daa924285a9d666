//go:build tools

// Package temporalserver pins the Temporal server and its SQL tool that the slow tests build.
package temporalserver

import (
	_ "go.temporal.io/server/cmd/server"
	_ "go.temporal.io/server/cmd/tools/sql"
)
