package anon

import (
	"context"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
)

// Every way of recoding makes a folder that verifies.
func TestEveryRecodingVerifies(t *testing.T) {
	for name, keys := range map[string]string{
		"local":    "recode: local",
		"mondrian": "search: mondrian",
		"anytime":  "search: anytime\n    deadline: 5s",
		"input":    "row-order: input",
		"fixed":    "levels: {age: 2, city: raw}",
		"cost":     "cost: {metric: discernibility}",
	} {
		t.Run(name, func(t *testing.T) {
			policy := strings.Replace(membersPolicy, "suppression-limit: 0.1", "suppression-limit: 0.1\n    "+keys, 1)
			rel, err := tryRelease(t, policy, members())
			if err != nil {
				t.Fatal(err)
			}
			defer rel.Close()
			for _, format := range []arrowio.Format{arrowio.CSVFormat, arrowio.IPCFormat} {
				if _, err := VerifyDir(context.Background(), folder(t, rel, format)); err != nil {
					t.Error(err)
				}
			}
			if name == "input" && len(rel.Report().Warnings) == 0 {
				t.Error("the report does not warn of positions that link to the source")
			}
		})
	}
}
