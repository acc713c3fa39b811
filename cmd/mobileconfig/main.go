// Command mobileconfig issues signed Apple configuration profiles that set up
// mail: as a service, and one or many at a time on the command line.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/signing"
)

// Exit codes.
const (
	exitGood    = 0
	exitRefused = 1 // a finding or a refusal
	exitUsage   = 2 // wrong usage or unreadable input
)

type commands struct {
	Version kong.VersionFlag `env:"-" help:"Print the version."`
	// configPath reads Config before all other flags.
	Config string `placeholder:"FILE" help:"Configuration file: the flags of serve as TOML (default: /etc/mobileconfig/config.toml, if it exists)."`

	Serve        serveCommand        `cmd:"" help:"Run the service, where people open a link and set up their devices."`
	Build        buildCommand        `cmd:"" help:"Create one signed profile."`
	Batch        batchCommand        `cmd:"" help:"Create signed profiles for many people, in one or more archives."`
	Push         pushCommand         `cmd:"" help:"Send a batch to devices managed by NanoMDM and track their answers."`
	Declarations declarationsCommand `cmd:"" help:"Write the passcode policy as declarations for declarative device management."`
	MDM          mdmCommand          `cmd:"" name:"mdm" help:"Write files for a device management service: an unsigned template with its variables, and files for its tools."`

	Inspect    inspectCommand `cmd:"" help:"Show a profile's contents, signer and problems."`
	Diff       diffCommand    `cmd:"" help:"Show the differences that a device would see between two profiles."`
	Verify     verifyCommand  `cmd:"" help:"Check whether a profile's signature is good and trusted."`
	Check      checkCommand   `cmd:"" help:"Check whether mail servers offer TLS as a profile needs it."`
	Admin      adminCommand   `cmd:"" help:"Manage an installation from its own machine."`
	ShowConfig configCommand  `cmd:"" name:"config" help:"Print the effective settings of serve and their sources, without secrets."`

	Apply    applyCommand    `cmd:"" help:"Make an account of a running service match a file: its domains, passcode policies, approved servers and webhooks."`
	Batches  batchesCommand  `cmd:"" help:"Create profiles or setup links for lists of people on a running service, through its API."`
	Domains  domainsCommand  `cmd:"" help:"Manage the domains of a running service through its API."`
	Links    linksCommand    `cmd:"" help:"Create and manage the setup links of a running service through its API."`
	Webhooks webhooksCommand `cmd:"" help:"Manage the webhooks of a running service through its API, and forward its events to this machine."`

	Signer signerCommand `cmd:"" help:"Sign for the service in a separate process that has the key and its own approvals."`

	Log         logCommand         `cmd:"" help:"Export the action log, and check whether it was tampered with."`
	Doctor      doctorCommand      `cmd:"" help:"Find problems of an installation and how to fix them. Run it on the machine of the service, as its user."`
	Healthcheck healthcheckCommand `cmd:"" help:"Report by exit code whether the service can serve, for containers."`
	Completion  completionCommand  `cmd:"" help:"Print a shell completion script."`
	Manual      manualCommand      `cmd:"" hidden:"" help:"Print the manual page."`

	Backup backupCommand `cmd:"" help:"Back up the database and data folder to one file, while the service runs."`
}

// streams are the standard streams of a command.
type streams struct {
	out, err io.Writer
}

// toStdout reports whether an output flag means standard output.
func toStdout(file string) bool { return file == "" || file == "-" }

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run is main with its inputs and outputs as parameters, for tests.
func run(args []string, s streams) int {
	exited := -1
	file, err := readConfigFile(args, s)
	if err != nil {
		return fail(s, err)
	}
	parser, err := kong.New(&commands{},
		kong.Name("mobileconfig"),
		kong.Description("Signed Apple configuration profiles that set up email over TLS, without a password in them.\n\n"+
			"Every flag can also be set as an environment variable, for example MOBILECONFIG_BASE_URL, and flags of serve in a "+
			"configuration file: base-url = \"https://setup.example.com\". Flags win over the environment, and the environment over the file. "+
			"Exit codes: 0 success, 1 a finding or a refusal, 2 wrong usage or unreadable input."),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { exited = code }),
		kong.DefaultEnvars("MOBILECONFIG"),
		variables(),
		kong.UsageOnError(),
		kong.Bind(s, file),
		kong.Resolvers(file),
	)
	if err != nil {
		return fail(s, err)
	}
	if err := file.check(commandOf(parser, "serve")); err != nil {
		return fail(s, err)
	}
	ctx, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		return fail(s, usage(fmt.Errorf("%w (try: mobileconfig --help)", err)))
	}
	if err := ctx.Run(); err != nil {
		return fail(s, err)
	}
	return exitGood
}

// commandOf returns the command with the name.
func commandOf(parser *kong.Kong, name string) *kong.Node {
	for _, child := range parser.Model.Children {
		if child.Name == name {
			return child
		}
	}
	return parser.Model.Node
}

// variables are for the struct tags of the commands.
func variables() kong.Vars {
	return kong.Vars{"version": version(), "vendors": strings.Join(mdm.Names(), ","), "vendor_list": strings.Join(mdm.Names(), ", ")}
}

// stamped is the version that packages are built with (-ldflags -X).
var stamped string

// version describes the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "mobileconfig (unknown version)"
	}
	return fmt.Sprintf("mobileconfig %s (%s)", release(), info.GoVersion)
}

// release is the version number, for example v1.2.3.
func release() string {
	if stamped != "" {
		return stamped
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

func fail(s streams, err error) int {
	fmt.Fprintf(s.err, "mobileconfig: %s\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if e, ok := errors.AsType[*signing.IdentityError](err); ok && e.Code == signing.Unreadable {
		return exitUsage
	}
	return exitRefused
}

// A usageError is the caller's mistake: a bad flag or an unreadable file.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usage marks an error as the caller's mistake.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// flagError is a usage error of one flag.
func flagError(flag string, err error) error {
	if err == nil {
		return nil
	}
	return usage(fmt.Errorf("%s: %w", flag, err))
}
