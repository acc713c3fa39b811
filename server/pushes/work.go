package pushes

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/dial"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/push"
)

// planOnce is how many deliveries are planned in one transaction.
const planOnce = 100

// Plan decides which devices get each profile of the batch. Running it again
// does no harm.
func (s *Service) Plan(ctx context.Context, batch string, round int) error {
	p, err := s.Store.AnyPush(ctx, batch)
	if fault.Is(err, fault.NotFound) || err == nil && (p.Planned || p.Round != round) {
		return nil
	}
	if err != nil {
		return err
	}
	if err = s.plan(ctx, &p); err != nil {
		f := lasting(err)
		if f == nil {
			return fmt.Errorf("pushes: %w", err)
		}
		p.Detail = f.Detail
	}
	p.Planned, p.Updated = true, s.Now()
	return s.Store.EndPlan(ctx, audit.ByProgram(), p)
}

// GiveUp ends the planning of a push that has failed too often.
func (s *Service) GiveUp(ctx context.Context, batch string) error {
	p, err := s.Store.AnyPush(ctx, batch)
	if err != nil {
		return err
	}
	p.Planned, p.Updated, p.Detail = true, s.Now(), "Something went wrong. Push the batch again; if that doesn't help, tell the server operator."
	return s.Store.EndPlan(ctx, audit.ByProgram(), p)
}

func (s *Service) plan(ctx context.Context, p *Push) error {
	b, err := s.Files.Get(ctx, p.Account, p.Batch)
	if err != nil {
		return err
	}
	enrollments, err := s.Store.Enrollments(ctx, p.Account)
	if err != nil {
		return err
	}
	known := newDirectory(enrollments)
	p.NoDevice = 0
	for _, a := range b.Archives {
		all, err := s.deliveries(ctx, p, a.Number, known)
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(all, planOnce) {
			if err := s.Store.PlanDeliveries(ctx, *p, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliveries returns the deliveries of the profiles in an archive.
func (s *Service) deliveries(ctx context.Context, p *Push, number int, known *directory) ([]Delivery, error) {
	manifest, err := s.Files.Look(ctx, p.Account, p.Batch, batches.ManifestName(number))
	if err != nil {
		return nil, err
	}
	defer manifest.Close()
	profiles, err := push.ReadManifest(manifest)
	if err != nil {
		return nil, err
	}
	archive, err := s.Files.Look(ctx, p.Account, p.Batch, batches.ArchiveName(number))
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	files, err := filesOf(archive)
	if err != nil {
		return nil, err
	}
	var all []Delivery
	now := s.Now()
	for n := range profiles {
		one := &profiles[n]
		to := known.enrollments(one)
		if len(to) == 0 {
			p.NoDevice++
		}
		file, ok := files[one.File]
		address, err := profile.ParseAddress(one.Email)
		if !ok || err != nil {
			return nil, fmt.Errorf("pushes: %s is not in the archive of its manifest", one.File)
		}
		for _, enrollment := range to {
			all = append(all, Delivery{
				ID: id.New("psh"), Account: p.Account, Batch: p.Batch, Enrollment: enrollment, Identifier: one.Identifier,
				Email: one.Email, Mailbox: address.Folded(), Digest: one.Digest, Archive: number, Offset: file.offset, Size: file.size,
				Command: uuid.NewString(), Attempt: 1, State: Waiting, Created: now, Updated: now,
			})
		}
	}
	return all, nil
}

// A place is the position of a file in an archive.
type place struct{ offset, size int64 }

// filesOf returns the positions of the files in an archive, which stores them
// uncompressed.
func filesOf(archive blob.Reader) (map[string]place, error) {
	z, err := zip.NewReader(archive, archive.Size())
	if err != nil {
		return nil, fmt.Errorf("pushes: %w", err)
	}
	all := make(map[string]place, len(z.File))
	for _, f := range z.File {
		offset, err := f.DataOffset()
		if err != nil || f.Method != zip.Store {
			return nil, fmt.Errorf("pushes: %s is compressed or damaged: %w", f.Name, err)
		}
		all[f.Name] = place{offset, int64(f.UncompressedSize64)}
	}
	return all, nil
}

// A directory finds enrollments by the device IDs in lists.
type directory struct {
	devices map[string]string   // UDID by serial number
	all     map[string][]string // enrollments by UDID
}

func newDirectory(enrollments []Enrollment) *directory {
	d := &directory{map[string]string{}, map[string][]string{}}
	for _, e := range enrollments {
		udid := strings.ToUpper(e.UDID)
		d.all[udid] = append(d.all[udid], e.ID)
		if e.Serial != "" {
			d.devices[strings.ToUpper(e.Serial)] = udid
		}
	}
	return d
}

// enrollments returns those that get the profile: the device's, or those of
// the users of a Mac. A device that NanoMDM hasn't reported is addressed by
// its UDID.
func (d *directory) enrollments(p *push.Profile) []string {
	udid := strings.ToUpper(p.UDID)
	if udid == "" {
		udid = d.devices[strings.ToUpper(p.Serial)]
	}
	ids := d.all[udid]
	if len(ids) == 0 && p.UDID != "" {
		ids = []string{p.UDID}
	}
	return push.Enrollments{strings.ToLower(p.Email): ids}.Of(p)
}

// Send sends NanoMDM the command of a delivery. It returns how long to wait
// before the next attempt, or 0 if there is none.
func (s *Service) Send(ctx context.Context, delivery, command string) (time.Duration, error) {
	d, err := s.Store.BeginDelivery(ctx, delivery, command)
	if err != nil && d.ID == "" && fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	var api *push.API
	var data []byte
	if err == nil {
		api, data, err = s.load(ctx, d)
	}
	if err != nil {
		f := lasting(err)
		if f == nil || d.ID == "" {
			return 0, fmt.Errorf("pushes: %w", err)
		}
		return 0, s.Store.EndDelivery(ctx, d.ID, command, push.Failed, f.Detail)
	}
	calling, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	err = api.Install(calling, d.Enrollment, d.Command, data)
	switch {
	case err == nil:
		return 0, s.Store.EndDelivery(ctx, d.ID, command, push.Queued, "")
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case !push.Again(err), errors.Is(err, dial.ErrForbidden), d.Tries >= tries:
		return 0, s.Store.EndDelivery(ctx, d.ID, command, push.Failed, words(err))
	}
	wait := min(time.Second<<min(d.Tries, 10), 10*time.Minute)
	return wait, s.Store.EndDelivery(ctx, d.ID, command, Waiting, words(err))
}

// lasting returns the fault in err if another attempt can't succeed, and
// otherwise nil: the database or the files may be unavailable for a while.
func lasting(err error) *fault.Fault {
	if f := fault.Of(err); f.Code != fault.Internal && f.RetryAfter == 0 {
		return f
	}
	return nil
}

// load reads what a delivery needs: the API of the account's NanoMDM, and the
// profile.
func (s *Service) load(ctx context.Context, d Delivery) (*push.API, []byte, error) {
	server, err := s.Store.DeviceServer(ctx, d.Account)
	if fault.Is(err, fault.NotFound) {
		err = errNoServer()
	}
	if err != nil {
		return nil, nil, err
	}
	data, err := s.file(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	key, err := s.cipher.Decrypt(server.Key, server.Hook)
	if err != nil {
		return nil, nil, fault.New(fault.Conflict, "The API key can't be read. Enter it again.")
	}
	u, err := url.Parse(server.URL)
	return &push.API{Client: s.Client, URL: u, User: "nanomdm", Key: string(key)}, data, err
}

// file reads the profile of a delivery.
func (s *Service) file(ctx context.Context, d Delivery) ([]byte, error) {
	archive, err := s.Files.Look(ctx, d.Account, d.Batch, batches.ArchiveName(d.Archive))
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	data, err := io.ReadAll(io.NewSectionReader(archive, d.Offset, d.Size))
	if err != nil {
		return nil, fmt.Errorf("pushes: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != d.Digest {
		return nil, fault.New(fault.Conflict, "The file isn't the one that the batch created.")
	}
	return data, nil
}

// words describes why NanoMDM didn't accept a command. It contains nothing
// that another server may have answered.
func words(err error) string {
	var (
		network net.Error
		tlsFail *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		unknown x509.UnknownAuthorityError
		request *url.Error
	)
	switch {
	case errors.Is(err, push.ErrKey):
		return "NanoMDM refused the API key. Enter the right one, then push again."
	case errors.Is(err, dial.ErrForbidden):
		return "NanoMDM's address is in a private network, to which this service doesn't connect. The server operator can allow the network."
	case errors.As(err, &tlsFail), errors.As(err, &record), errors.As(err, &unknown):
		return "The certificate of NanoMDM can't be trusted, or it doesn't support TLS."
	case errors.As(err, &network) && network.Timeout():
		return "NanoMDM didn't answer in time."
	case errors.As(err, &request), errors.As(err, &network):
		return "NanoMDM can't be reached."
	}
	return err.Error()
}
