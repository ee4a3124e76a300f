package anon

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// TestListsOfTags releases and verifies tags that come as an Arrow list, which
// need no separator, and plans them without an input.
func TestListsOfTags(t *testing.T) {
	policy, err := ParsePolicy([]byte(strings.Replace(hobbiesPolicy, `{separator: "|"}`, "{}", 1)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Plan(nil); err != nil {
		t.Errorf("without an input: %v", err)
	}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "age", Type: arrow.PrimitiveTypes.Int64}, {Name: "hobbies", Type: arrow.ListOf(arrow.BinaryTypes.String)},
	}, nil)
	rows := strings.Repeat(`{"age":24,"hobbies":["go","chess"]},{"age":25,"hobbies":["tea"]},`, 6)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+strings.TrimSuffix(rows, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := policy.Plan(schema)
	if err != nil {
		t.Fatal(err)
	}
	err = plan.CheckFormat(arrowio.CSVFormat)
	if ExitCode(err) != 2 || !strings.Contains(err.Error(), `column "hobbies": type list`) || !strings.Contains(err.Error(), "choose another format") {
		t.Errorf("lists as CSV: %v", err)
	}
	if err := plan.CheckFormat(arrowio.IPCFormat); err != nil {
		t.Errorf("lists as IPC: %v", err)
	}
	rel, err := plan.Run(context.Background(), arrowio.NewMemory(schema, rec))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/out"
	if err := rel.WriteDir(context.Background(), dir, arrowio.IPCFormat); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDir(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
}

// TestKMAnonymityOfAColumnThatStaysBehind: the model is set aside with a
// warning, as long as another model is left.
func TestKMAnonymityOfAColumnThatStaysBehind(t *testing.T) {
	text := strings.Replace(hobbiesPolicy, "basis: b,", "basis: b, columns: [age],", 1)
	policy, err := ParsePolicy([]byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := policy.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.String(); !strings.Contains(got, "leaves km-anonymity of hobbies out") {
		t.Errorf("no warning in\n%s", got)
	}
	alone := strings.Replace(text, "{k-anonymity: {k: 3}}, ", "", 1)
	policy, err = ParsePolicy([]byte(alone), t.TempDir())
	if err == nil {
		_, err = policy.Plan(nil)
	}
	if ExitCode(err) != 2 || !strings.Contains(err.Error(), "hobbies") {
		t.Errorf("the only model is about a column that stays behind: %v", err)
	}
}
