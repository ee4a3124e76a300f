package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestHintsByName(t *testing.T) {
	for name, want := range map[string]string{
		"member_id": "identifier", "memberId": "identifier", "会員ＩＤ": "identifier", "ID": "identifier", "kaiin_no": "identifier",
		"生年月日": "quasi-identifier", "BirthDate": "quasi-identifier", "seinengappi": "quasi-identifier",
		"年齢": "quasi-identifier", "性別": "quasi-identifier", "sex": "quasi-identifier", "郵便番号": "quasi-identifier", "postal-code": "quasi-identifier",
		"都道府県": "quasi-identifier", "市区町村": "quasi-identifier", "住所": "identifier", "勤務先電話番号": "identifier", "勤務先": "quasi-identifier",
		"電話番号": "identifier", "メールアドレス": "identifier", "e-mail": "identifier", "氏名": "identifier", "フリガナ": "identifier", "full_name": "identifier",
		"ﾌﾘｶﾞﾅ": "identifier", "クレジットカード番号": "identifier", "口座番号": "identifier", "マイナンバー": "identifier",
		"職業": "quasi-identifier", "家族構成": "quasi-identifier", "趣味": "quasi-identifier", "病歴": "sensitive", "diagnosis": "sensitive", "年収": "sensitive",
		"お問い合わせ内容": "identifier", "訪問ページ": "sensitive", "IPアドレス": "identifier", "registered_at": "quasi-identifier", "登録日時": "quasi-identifier",
		"city_name": "quasi-identifier", "stage": "", "voltage": "", "paid": "", "image": "", "x": "", "": "", "月": "",
	} {
		got := ""
		if h := hintFor(name); h != nil {
			got = h.role
		}
		if got != want {
			t.Errorf("%q: hint %q, want %q", name, got, want)
		}
	}
}

func TestDraftPolicy(t *testing.T) {
	got := draftPolicy("members: 1\n.parquet", arrow.NewSchema([]arrow.Field{
		{Name: "member_id", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "生年月日", Type: arrow.FixedWidthTypes.Date32},
		{Name: "sex", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.LargeString}},
		{Name: "hobbies", Type: arrow.ListOf(arrow.BinaryTypes.String)},
		{Name: "fee", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}},
		{Name: "no: \"x\"\n# y", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "registered_at", Type: arrow.FixedWidthTypes.Timestamp_us},
		{Name: "extra", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8})},
	}, nil), csvFlags{Delimiter: `\t`, Encoding: "CP932"})
	path := filepath.Join("testdata", "draft.yaml")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("draft differs; rewrite it with go test ./cmd/oboro -run Draft -update and review (-want +got):\n%s", diff)
	}
}

// TestInitLeavesRolesToDecide: the draft is refused until a person has decided,
// and plans once they have.
func TestInitLeavesRolesToDecide(t *testing.T) {
	dir := folder(t)
	draft := succeeds(t, dir, "init", "--input", "patients.csv")
	write(t, dir, "draft.yaml", draft)
	refuses(t, dir, 2, []string{"draft.yaml", "decide", "role", "identifier", "unit"}, "plan", "draft.yaml")
	if strings.Contains(draft, marker) {
		t.Error("the draft holds a value of the data")
	}
	for _, r := range []string{"unit: decide unit: patient", "zip: {role: decide zip: {role: quasi-identifier", "age: {role: decide age: {role: quasi-identifier",
		"job: {role: decide job: {role: quasi-identifier", "diagnosis: {role: decide diagnosis: {role: sensitive", "cost: {role: decide cost: {role: insensitive", "patient: {role: decide patient: {role: identifier"} {
		words := strings.Split(r, " ")
		from, to := strings.Join(words[:len(words)/2], " "), strings.Join(words[len(words)/2:], " ")
		if !strings.Contains(draft, from) {
			t.Fatalf("the draft lacks %q:\n%s", from, draft)
		}
		draft = strings.Replace(draft, from, to, 1)
	}
	at := strings.Index(draft, "releases:")
	write(t, dir, "decided.yaml", draft[:at]+patientPolicy[strings.Index(patientPolicy, "releases:"):])
	succeeds(t, dir, "plan", "decided.yaml", "--input", "patients.csv")
}

// TestInitFindsTheDelimiter: a header of one column with other delimiters in
// it is read again, and the policy says so.
func TestInitFindsTheDelimiter(t *testing.T) {
	dir := folder(t)
	for delimiter, want := range map[string]string{";": `input: {delimiter: ";"}`, "\t": `input: {delimiter: "\t"}`, "|": `input: {delimiter: "|"}`} {
		write(t, dir, "other.csv", strings.ReplaceAll(patients(), ",", delimiter))
		draft := succeeds(t, dir, "init", "--input", "other.csv")
		if !strings.Contains(draft, want) || !strings.Contains(draft, "  diagnosis: {role: decide, type: text}") {
			t.Errorf("delimiter %q was not found:\n%s", delimiter, draft)
		}
	}
}

func TestInitWritesANewFileOnly(t *testing.T) {
	dir := folder(t)
	succeeds(t, dir, "init", "--input", "patients.csv", "-o", "new.yaml")
	if got, want := string(readFile(t, dir, "new.yaml")), succeeds(t, dir, "init", "--input", "patients.csv"); got != want {
		t.Error("--output writes something else than standard output gets")
	}
	refuses(t, dir, 2, []string{"new.yaml", "exists"}, "init", "--input", "patients.csv", "-o", "new.yaml")
	refuses(t, dir, 1, []string{"absent.csv"}, "init", "--input", "absent.csv")
}
