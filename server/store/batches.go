package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

var (
	_ batches.Store     = (*Store)(nil)
	_ batches.WorkStore = (*Store)(nil)
)

var batchTable = db.NewTable("batches", func(b *batches.Batch) []db.Column {
	return []db.Column{
		db.Col("id", &b.ID), db.Col("account", &b.Account), db.Col("name", &b.Name), db.Col("state", &b.State), db.Col("choice", asJSON(&b.Choice)),
		db.Col("maker_kind", &b.By.Actor.Kind), db.Col("maker_id", &b.By.Actor.ID), db.Col("maker_name", &b.By.Actor.Name),
		db.Col("maker_right", &b.By.Kind), db.Col("maker_need", &b.By.Need), db.Col("maker_domains", &b.By.Domains), db.Col("maker_expires", db.Time(&b.By.Expires)),
		db.Col("size", &b.Size), db.Col("digest", &b.Digest), db.Col("plan", asJSON(&b.Plan)), db.Col("domains", db.Words(&b.Domains)),
		db.Col("settings", &b.Settings), db.Col("erases", db.Bool(&b.Erases)), db.Col("about", asJSON(&b.About)), db.Col("archives", asJSON(&b.Archives)), db.Col("parts", db.Int(&b.Parts)),
		db.Col("round", db.Int(&b.Round)), db.Col("made", db.Int(&b.Made)), db.Col("reason", &b.Reason), db.Col("detail", &b.Detail), db.Col("checksums", &b.Checksums),
		db.Col("created", db.Time(&b.Created)), db.Col("started", db.Time(&b.Started)), db.Col("ended", db.Time(&b.Ended)), db.Col("expires", db.Time(&b.Expires)),
		db.Col("expired", db.Bool(&b.Expired)),
	}
})

// asJSON is a value that is stored as JSON.
func asJSON[T any](at *T) any {
	return db.Text(func() string {
		text, err := json.Marshal(at)
		if err != nil {
			panic(err) // these contain only texts, numbers and times
		}
		return string(text)
	}, func(text string) error {
		*at = *new(T)
		return json.Unmarshal([]byte(text), at)
	})
}

type chunkRow struct {
	Batch string
	batches.Chunk
}

var batchChunks = db.NewTable("batch_chunks", func(c *chunkRow) []db.Column {
	return []db.Column{
		db.Col("batch", &c.Batch), db.Col("number", db.Int(&c.Number)), db.Col("archive", db.Int(&c.Archive)), db.Col("people", db.Int(&c.Rows)),
		db.Col("files", db.Int(&c.Files)), db.Col("position", &c.Offset), db.Col("size", &c.Size), db.Col("errors", &c.Errors), db.Col("part", &c.Part),
	}
})

type problemRow struct {
	Batch string
	batches.Problem
}

var batchProblems = db.NewTable("batch_problems", func(p *problemRow) []db.Column {
	return []db.Column{
		db.Col("batch", &p.Batch), db.Col("number", db.Int(&p.Number)), db.Col("line", db.Int(&p.Row)), db.Col("name", &p.Column),
		db.Col("code", &p.Code), db.Col("value", &p.Value), db.Col("detail", &p.Detail),
	}
})

func scanBatch(r db.Row) (batches.Batch, error) {
	b, err := batchTable.Scan(r)
	b.By.Account, b.By.ID, b.By.Actor.Interface = b.Account, b.By.Actor.ID, audit.Internal
	return b, err
}

func errBatchMissing() error { return fault.New(fault.NotFound, "There is no such batch.") }

// CreateBatch stores b and a, and enqueues the work.
func (s *Store) CreateBatch(ctx context.Context, by audit.Grant, b batches.Batch, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if err := batchTable.Insert(t, b); err != nil {
			return err
		}
		return requeue(t, b)
	})
	if err != nil {
		return fmt.Errorf("store: create batch: %w", err)
	}
	return nil
}

// ChangeBatch applies change to the batch of the account, and stores the
// result with the actions that change returns. Without actions it stores
// nothing. If the round has increased, it enqueues the work. If the batch
// doesn't exist, it returns a NotFound fault.
func (s *Store) ChangeBatch(ctx context.Context, by audit.Grant, account, id string, change batches.Change) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) { return changeBatch(t, by, account, id, change) })
	if err != nil {
		return fmt.Errorf("store: change batch: %w", err)
	}
	return nil
}

// StepBatch is ChangeBatch for a step of the work, which is stored even
// without actions.
func (s *Store) StepBatch(ctx context.Context, by audit.Grant, account, id string, change batches.Change) error {
	err := s.Step(ctx, by, func(t *db.Tx) ([]audit.Action, error) { return changeBatch(t, by, account, id, change) })
	if err != nil {
		return fmt.Errorf("store: step of a batch: %w", err)
	}
	return nil
}

// changeBatch changes the batch and enqueues its jobs. Starting to create
// files that erase devices needs the account's consent if an API key requests
// it. A restart deletes the finished parts.
func changeBatch(t *db.Tx, by audit.Grant, account, id string, change batches.Change) ([]audit.Action, error) {
	b, err := lockBatch(t, account, id)
	if err != nil {
		return nil, err
	}
	old := b
	actions, err := change(&b)
	if err != nil {
		return nil, err
	}
	if b.State == batches.Running && old.State != batches.Running && b.Erases {
		if err := checkErasing(t, by, "variant"); err != nil {
			return nil, err
		}
	}
	if b.Made < old.Made {
		if _, err := t.Exec(`UPDATE batch_chunks SET part = '' WHERE batch = $1`, id); err != nil {
			return nil, err
		}
	}
	if err := batchTable.Update(t, b, "account", "created"); err != nil {
		return nil, err
	}
	if b.Round > old.Round {
		return actions, requeue(t, b)
	}
	return actions, nil
}

// lockBatch returns the batch and locks its row until the transaction ends.
func lockBatch(t *db.Tx, account, id string) (batches.Batch, error) {
	b, err := scanBatch(t.Row(`UPDATE batches SET round = round WHERE id = $1 AND account = $2 RETURNING `+batchTable.Columns, id, account))
	if errors.Is(err, db.ErrNoRows) {
		err = errBatchMissing()
	}
	return b, err
}

// KeepPlan is StepBatch that also replaces the chunks and problems of the
// batch, unless change returns an error.
func (s *Store) KeepPlan(ctx context.Context, by audit.Grant, account, id string, chunks []batches.Chunk, problems []batches.Problem, change batches.Change) error {
	err := s.Step(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		actions, err := changeBatch(t, by, account, id, change)
		if err != nil {
			return nil, err
		}
		for _, statement := range []string{`DELETE FROM batch_chunks WHERE batch = $1`, `DELETE FROM batch_problems WHERE batch = $1`} {
			if _, err := t.Exec(statement, id); err != nil {
				return nil, err
			}
		}
		rows := make([]chunkRow, len(chunks))
		for i, c := range chunks {
			rows[i] = chunkRow{id, c}
		}
		if err := batchChunks.InsertAll(t, rows); err != nil {
			return nil, err
		}
		bad := make([]problemRow, len(problems))
		for i, p := range problems {
			bad[i] = problemRow{id, p}
		}
		return actions, batchProblems.InsertAll(t, bad)
	})
	if err != nil {
		return fmt.Errorf("store: keep plan: %w", err)
	}
	return nil
}

// DeleteBatch deletes the batch with everything that is stored about it, and
// stores a.
func (s *Store) DeleteBatch(ctx context.Context, by audit.Grant, account, id string, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		n, err := t.Exec(`DELETE FROM batches WHERE id = $1 AND account = $2`, id, account)
		if err == nil && n == 0 {
			err = errBatchMissing()
		}
		if err != nil {
			return err
		}
		// After the batch: a chunk that was being finished held its lock until now.
		_, err = t.Exec(`DELETE FROM batch_people WHERE batch = $1`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete batch: %w", err)
	}
	return nil
}

// Batch returns the batch of the account, or a NotFound fault.
func (s *Store) Batch(ctx context.Context, account, id string) (batches.Batch, error) {
	b, err := scanBatch(s.db.Read(ctx).Row(`SELECT `+batchTable.Columns+` FROM batches WHERE id = $1 AND account = $2`, id, account))
	if err != nil {
		return batches.Batch{}, s.found("batch", err)
	}
	return b, nil
}

// AnyBatch returns the batch of any account, or a NotFound fault.
func (s *Store) AnyBatch(ctx context.Context, id string) (batches.Batch, error) {
	b, err := scanBatch(s.db.Read(ctx).Row(`SELECT `+batchTable.Columns+` FROM batches WHERE id = $1`, id))
	if err != nil {
		return batches.Batch{}, s.found("batch", err)
	}
	return b, nil
}

// Batches returns the batches that match the filter, in its order. A page
// after a batch that doesn't exist is empty.
func (s *Store) Batches(ctx context.Context, account string, f batches.Filter) ([]batches.Batch, error) {
	by, than, direction := `created`, `<`, ` DESC`
	if f.Sort.ByName() {
		by = `name`
	}
	if f.Sort.Ascends() {
		than, direction = `>`, ``
	}
	var w db.Where
	w.Add(`batches.account = ?`, account)
	if f.State != "" {
		w.Add(`batches.state = ?`, string(f.State))
	}
	if f.Mailbox != "" {
		w.Add(`batches.id IN (SELECT batch FROM batch_people WHERE account = ? AND mailbox = ?)`, account, f.Mailbox)
	}
	if f.After != "" {
		w.Add(`(batches.`+by+`, batches.id) `+than+` (SELECT `+by+`, id FROM batches AS last WHERE last.id = ?)`, f.After)
	}
	query, args := w.Query(`SELECT `+batchTable.Columns+` FROM batches`, `ORDER BY batches.`+by+direction+`, batches.id`+direction+` LIMIT ?`, f.Limit)
	return s.batchesBy(ctx, query, args...)
}

// ExpiredBatches returns batches that have expired by the time and still have
// files.
func (s *Store) ExpiredBatches(ctx context.Context, at time.Time) ([]batches.Batch, error) {
	return s.batchesBy(ctx, `SELECT `+batchTable.Columns+` FROM batches WHERE expires > 0 AND expired = 0 AND expires <= $1 ORDER BY expires, id`, db.Millis(at))
}

func (s *Store) batchesBy(ctx context.Context, query string, args ...any) ([]batches.Batch, error) {
	var all []batches.Batch
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		b, err := scanBatch(r)
		all = append(all, b)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: batches: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// BatchProblems returns problems of the batch after the number.
func (s *Store) BatchProblems(ctx context.Context, account, id string, after, limit int) ([]batches.Problem, error) {
	var all []batches.Problem
	rows, err := batchProblems.All(s.db.Read(ctx), `SELECT `+batchProblems.Columns+` FROM batch_problems JOIN batches ON batches.id = batch_problems.batch
		WHERE batch_problems.batch = $1 AND batches.account = $2 AND batch_problems.number > $3 ORDER BY batch_problems.number LIMIT $4`, id, account, after, limit)
	if err != nil {
		return nil, fmt.Errorf("store: problems of a batch: %w", s.db.Diagnose(err))
	}
	for _, row := range rows {
		all = append(all, row.Problem)
	}
	return all, nil
}

// Chunks returns the chunks of the batch from first up to but excluding last.
func (s *Store) Chunks(ctx context.Context, id string, first, last int) ([]batches.Chunk, error) {
	all, err := chunksOf(s.db.Read(ctx), id, first, last)
	if err != nil {
		return nil, fmt.Errorf("store: chunks: %w", s.db.Diagnose(err))
	}
	return all, nil
}

func chunksOf(t *db.Tx, id string, first, last int) ([]batches.Chunk, error) {
	rows, err := batchChunks.All(t, `SELECT `+batchChunks.Columns+` FROM batch_chunks WHERE batch = $1 AND number >= $2 AND number < $3 ORDER BY number`, id, first, last)
	all := make([]batches.Chunk, len(rows))
	for i, row := range rows {
		all[i] = row.Chunk
	}
	return all, err
}

// FinishChunk stores the result of a chunk, unless there already is one. It
// reports whether this result was stored.
func (s *Store) FinishChunk(ctx context.Context, by audit.Grant, id string, number int, made batches.Made) (counts bool, err error) {
	err = s.Step(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		counts = false
		b, err := lockBatch(t, by.Account, id)
		if err != nil || b.State != batches.Running {
			return nil, err
		}
		var people int
		err = t.Row(`UPDATE batch_chunks SET part = $3 WHERE batch = $1 AND number = $2 AND part = '' RETURNING people`, id, number, made.Part).Scan(&people)
		if errors.Is(err, db.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		counts = true
		if err := keepBatchLinks(t, id, made.Links, b.Choice.Mail, s.now()); err != nil {
			return nil, err
		}
		if err := keepPeople(t, b, made.Mailboxes); err != nil {
			return nil, err
		}
		_, err = t.Exec(`UPDATE batches SET made = made + $2 WHERE id = $1`, id, people)
		return nil, err
	})
	if err != nil {
		return false, fmt.Errorf("store: finish chunk: %w", err)
	}
	return counts, nil
}

// keepPeople records that the batch, which is locked, has created something for
// the mailboxes.
func keepPeople(t *db.Tx, b batches.Batch, mailboxes []string) error {
	from, arg := t.Table(3, mailboxes)
	_, err := t.Exec(`INSERT INTO batch_people (account, mailbox, batch) SELECT $1, value, $2 FROM `+from+` WHERE true ON CONFLICT DO NOTHING`, b.Account, b.ID, arg)
	return err
}

// ForgetMailbox deletes the record that batches of the account have created
// something for the mailbox, and what was sent to its devices.
func (s *Store) ForgetMailbox(ctx context.Context, by audit.Grant, account, mailbox string) error {
	err := s.Step(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		for _, statement := range []string{`DELETE FROM batch_people WHERE account = $1 AND mailbox = $2`, `DELETE FROM push_deliveries WHERE account = $1 AND mailbox = $2`} {
			if _, err := t.Exec(statement, account, mailbox); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("store: forget mailbox: %w", err)
	}
	return nil
}

// RequeueBatches enqueues the work again for batches that aren't finished. It
// is bookkeeping and logs no action.
func (s *Store) RequeueBatches(ctx context.Context) error {
	live, err := s.batchesBy(ctx, `SELECT `+batchTable.Columns+` FROM batches WHERE state IN ('checking', 'running') ORDER BY created, id`)
	if err != nil {
		return err
	}
	for _, b := range live {
		err := s.db.Transact(ctx, func(t *db.Tx) error {
			b, err := lockBatch(t, b.Account, b.ID)
			if err != nil || !b.Live() {
				return err
			}
			b.Round++
			if _, err := t.Exec(`UPDATE batches SET round = $2 WHERE id = $1`, b.ID, b.Round); err != nil {
				return err
			}
			return requeue(t, b)
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return fmt.Errorf("store: requeue batches: %w", err)
		}
	}
	return nil
}

// requeue enqueues the work of the batch.
func requeue(t *db.Tx, b batches.Batch) error {
	if b.State == batches.Checking {
		return t.EnqueueOnce(batches.CheckJob{Batch: b.ID, Round: b.Round}, batches.Queue)
	}
	chunks, err := chunksOf(t, b.ID, 0, b.Chunks())
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if c.Part != "" {
			continue
		}
		if err := t.EnqueueOnce(batches.ChunkJob{Batch: b.ID, Number: c.Number, Round: b.Round}, batches.Queue); err != nil {
			return err
		}
	}
	for n := range b.Parts {
		if b.Archive(n+1) != nil {
			continue
		}
		if err := t.EnqueueOnce(batches.ArchiveJob{Batch: b.ID, Number: n + 1, Round: b.Round}, batches.ArchiveQueue); err != nil {
			return err
		}
	}
	return nil
}
