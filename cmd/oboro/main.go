// Command oboro turns tables of personal records into statistics and rows that
// identify nobody, as a policy file declares. It is a thin layer over package
// anon: it opens files, shows progress and turns errors into exit codes.
//
// Exit codes: 0 released or verified; 2 found before the first row was used;
// 3 found in the data; 1 unreadable input, I/O, interruption. After 1, 2 and 3
// nothing was written.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/internal/fault"
)

// A commandLine is the whole of what the user can say.
type commandLine struct {
	Demo    demoCommand      `cmd:"" help:"Release a table of synthetic members: no input needed."`
	Init    initCommand      `cmd:"" help:"Write a policy for a table, with roles left to decide."`
	Plan    planCommand      `cmd:"" help:"Print what a policy would do, claim and spend. Reads at most the schema."`
	Run     runCommand       `cmd:"" help:"Run every release of a policy."`
	Verify  verifyCommand    `cmd:"" help:"Check a release folder again."`
	Ledger  ledgerCommand    `cmd:"" help:"Keep a privacy budget over several runs on the same people."`
	Schema  schemaCommand    `cmd:"" help:"Print the JSON Schema of the policy file."`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

// A session is where a command reads and writes: what main passes in and tests
// replace.
type session struct {
	stdout, stderr io.Writer
	progress       bool // stderr is a terminal
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	s := &session{os.Stdout, os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))}
	os.Exit(s.run(ctx, os.Args[1:]))
}

// An exit is how kong ends the program (--help, --version).
type exit int

// run carries out one command line and returns the exit code.
func (s *session) run(ctx context.Context, args []string) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exit:
			code = int(p)
		default: // its value is not printed: it could hold data
			fmt.Fprintf(s.stderr, "oboro: a defect of oboro ended the run; please report it with these lines\n%s", debug.Stack())
			code = 1
		}
	}()
	var cli commandLine
	parser := kong.Must(&cli,
		kong.Name("oboro"),
		kong.Description("Statistics and rows that identify nobody, as a policy declares: k-anonymity and differential privacy over Arrow tables."),
		kong.Writers(s.stdout, s.stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"version": version()},
		kong.Bind(s),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	line, err := parser.Parse(args)
	if err != nil {
		err = fault.Planf("%w; see oboro --help", err)
	} else {
		err = line.Run()
	}
	return s.finish(ctx, err)
}

// finish reports an error, each line of it after "oboro: ", and returns the
// exit code.
func (s *session) finish(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = fault.Inputf("interrupted; nothing was written")
	}
	for _, l := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		fmt.Fprintf(s.stderr, "oboro: %s\n", l)
	}
	return anon.ExitCode(err)
}

// version is the module's version as the Go tool recorded it.
func version() string {
	v := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version
	}
	return "oboro " + v
}

type schemaCommand struct{}

// Run prints the JSON Schema of the policy.
func (c *schemaCommand) Run(s *session) error {
	return s.print(string(anon.Schema()))
}

// print writes to standard output; a failure to write is an error of kind
// Input.
func (s *session) print(text string) error {
	if _, err := io.WriteString(s.stdout, text); err != nil {
		return fault.Inputf("standard output: %w", err)
	}
	return nil
}
