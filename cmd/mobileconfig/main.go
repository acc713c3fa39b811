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
	exitRefused = 1 // a finding, or something that must not be done
	exitUsage   = 2 // wrong flags, or input that cannot be read
)

type commands struct {
	Version kong.VersionFlag `env:"-" help:"Say which version this is."`
	// Config is read before all others, by configPath.
	Config string `placeholder:"FILE" help:"Configuration file: the flags of serve as TOML (default: /etc/mobileconfig/config.toml, if it is there)."`

	Serve        serveCommand        `cmd:"" help:"Run the service: people open a link and set up their devices."`
	Build        buildCommand        `cmd:"" help:"Make one signed profile."`
	Batch        batchCommand        `cmd:"" help:"Make signed profiles for many people, in one archive or several."`
	Push         pushCommand         `cmd:"" help:"Send a batch to the devices that NanoMDM manages, and follow what they answer."`
	Declarations declarationsCommand `cmd:"" help:"Write the device policy as declarations, for the device management of an MDM."`
	MDM          mdmCommand          `cmd:"" name:"mdm" help:"Write what a device management service takes: an unsigned template with its variables, and files for its tools."`

	Inspect    inspectCommand `cmd:"" help:"Say what is inside a profile, who signed it, and what is wrong."`
	Diff       diffCommand    `cmd:"" help:"Say what a device would see differently in a second profile."`
	Verify     verifyCommand  `cmd:"" help:"Say whether a profile's signature is good and trusted."`
	Check      checkCommand   `cmd:"" help:"Say whether mail servers offer TLS as a profile needs it."`
	Admin      adminCommand   `cmd:"" help:"Look after an installation from its own machine."`
	ShowConfig configCommand  `cmd:"" name:"config" help:"Print the settings that serve would have, and where each comes from; secrets are left out."`

	Apply    applyCommand    `cmd:"" help:"Make an account of a running service match a file: its domains, device policies, approved servers and webhooks."`
	Batches  batchesCommand  `cmd:"" help:"Make profiles or setup links for lists of people on a running service, by its API."`
	Domains  domainsCommand  `cmd:"" help:"Look after the domains of a running service, by its API."`
	Links    linksCommand    `cmd:"" help:"Make setup links of a running service and look after them, by its API."`
	Webhooks webhooksCommand `cmd:"" help:"Look after the webhooks of a running service, by its API, and bring its events to this machine."`

	Signer signerCommand `cmd:"" help:"Sign for the service as a process of its own, which has the key and its own approvals."`

	Log         logCommand         `cmd:"" help:"Export the action log, and find out whether somebody has changed it."`
	Doctor      doctorCommand      `cmd:"" help:"Say what is wrong with an installation, and what to do. Run it on the machine of the service, as its user."`
	Healthcheck healthcheckCommand `cmd:"" help:"Say by the exit code whether the service can serve, for containers."`
	Completion  completionCommand  `cmd:"" help:"Print the script by which a shell completes this program's commands."`
	Manual      manualCommand      `cmd:"" hidden:"" help:"Print the manual page."`

	Backup backupCommand `cmd:"" help:"Write database and data folder to one file, while the service runs."`
}

// streams are what a command reads and writes besides files.
type streams struct {
	out, err io.Writer
}

// toStdout reports whether a flag for a file to write means standard output.
func toStdout(file string) bool { return file == "" || file == "-" }

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run is main with everything that a test may want to see.
func run(args []string, s streams) int {
	exited := -1
	file, err := readConfigFile(args, s)
	if err != nil {
		return fail(s, err)
	}
	parser, err := kong.New(&commands{},
		kong.Name("mobileconfig"),
		kong.Description("Signed Apple configuration profiles that set up mail over TLS, without a password in them.\n\n"+
			"Each flag can also be given as an environment variable: --base-url as MOBILECONFIG_BASE_URL, and those of serve in a "+
			"configuration file: base-url = \"https://setup.example.com\". A flag wins, then the environment, then the file. "+
			"Exit codes: 0 good, 1 a finding or a refusal, 2 wrong usage or unreadable input."),
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

// commandOf is the command with the name.
func commandOf(parser *kong.Kong, name string) *kong.Node {
	for _, child := range parser.Model.Children {
		if child.Name == name {
			return child
		}
	}
	return parser.Model.Node
}

// variables are what the tags of the commands name.
func variables() kong.Vars {
	return kong.Vars{"version": version(), "vendors": strings.Join(mdm.Names(), ","), "vendor_list": strings.Join(mdm.Names(), ", ")}
}

// stamped is the version that packages are built with (-ldflags -X).
var stamped string

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "mobileconfig (unknown version)"
	}
	return fmt.Sprintf("mobileconfig %s (%s)", release(), info.GoVersion)
}

// release is the version alone, such as v1.2.3.
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

// A usageError is the caller's: a flag or a file that cannot be read.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usage marks an error as the caller's.
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
