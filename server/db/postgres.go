package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

const (
	// pgAttempts is how often a transaction that PostgreSQL aborted is run.
	pgAttempts = 5
	// pgMigrationLock is the advisory lock for migrations.
	pgMigrationLock = 0x6d6f62696c6563
	// pgJobConns is how many connections jobs have besides those of requests:
	// one listens.
	pgJobConns = 4
)

// pgTables finds the tables of the schema, except those of extensions.
const pgTables = `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')
	AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
	AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')`

// A pgDB is a database on a PostgreSQL server.
type pgDB struct {
	limits timeouts
	pool   *pgxpool.Pool
	// probe is one connection for health checks.
	probe *pgxpool.Pool
	jobs  *river.Client[pgx.Tx]
}

func openPostgres(ctx context.Context, text string, limits timeouts) (*pgDB, error) {
	cfg, err := pgConfig(text, limits)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := migratePostgres(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	probe, err := newPool(ctx, pool, 1)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	jobs, err := newInserter(riverpgxv5.New(pool))
	if err != nil {
		pool.Close()
		probe.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &pgDB{limits, pool, probe, jobs}, nil
}

// poolConns is the default maximum number of connections, or one per core if
// that is more. Background work can use nine, and requests shouldn't wait for
// one of them.
const poolConns = 16

// newPool returns another pool with the same configuration.
func newPool(ctx context.Context, like *pgxpool.Pool, conns int32) (*pgxpool.Pool, error) {
	cfg := like.Config()
	cfg.MaxConns, cfg.MinConns = conns, 0
	return pgxpool.NewWithConfig(ctx, cfg)
}

// pgConfig parses the URL and adds defaults. Whatever hangs ends after these
// timeouts and so can't hold a lock for long: the locks of a disconnected
// server are free before others give up waiting for them.
func pgConfig(text string, limits timeouts) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	if cfg.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil, errors.New("default_query_exec_mode=simple_protocol isn't safe; leave it out")
	}
	if !strings.Contains(text, "pool_max_conns") {
		cfg.MaxConns = max(cfg.MaxConns, poolConns)
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = limits.turn()
	}
	for name, value := range map[string]string{
		"application_name":                    "mobileconfig",
		"idle_in_transaction_session_timeout": pgTime(limits.turn()),
		"lock_timeout":                        pgTime(limits.lock()),
		"statement_timeout":                   pgTime(limits.call),
		"synchronous_commit":                  "on",
		"tcp_user_timeout":                    "5s",
	} {
		if cfg.ConnConfig.RuntimeParams[name] == "" {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	return cfg, nil
}

// pgTime returns the duration as PostgreSQL writes it.
func pgTime(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// migratePostgres migrates under an advisory lock on its own connection, unless
// the schema is current. Neither waiting for the lock nor a long migration times
// out; both end with ctx.
func migratePostgres(ctx context.Context, pool *pgxpool.Pool) error {
	current, err := isCurrent(ctx, pgConn{db: pool}, riverpgxv5.New(pool))
	if _, unreachable := errors.AsType[*pgconn.ConnectError](err); current || unreachable {
		return err
	}
	cfg := pool.Config()
	for _, name := range []string{"idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout"} {
		cfg.ConnConfig.RuntimeParams[name] = "0"
	}
	holder, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return err
	}
	defer holder.Close(context.WithoutCancel(ctx)) // also releases the lock
	if _, err := holder.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(pgMigrationLock)); err != nil {
		return fmt.Errorf("migration lock: %w", err)
	}
	db := stdlib.OpenDB(*cfg.ConnConfig)
	defer db.Close()
	have, err := tables(ctx, db, pgTables)
	if err != nil {
		return err
	}
	if err := refuseForeign(have); err != nil {
		return fmt.Errorf("the database %w", err)
	}
	if err := migrate(ctx, goose.DialectPostgres, db); err != nil {
		return err
	}
	return migratePostgresJobs(ctx, cfg)
}

// migratePostgresJobs runs on a connection without a timeout, like the rest of
// the migration.
func migratePostgresJobs(ctx context.Context, cfg *pgxpool.Config) error {
	cfg.MaxConns, cfg.MinConns = 1, 0
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrateJobs(ctx, riverpgxv5.New(pool))
}

// runner uses its own connections, so that requests keep theirs.
func (p *pgDB) runner(ctx context.Context, config *river.Config) (runner, func(), error) {
	pool, err := newPool(ctx, p.pool, pgJobConns)
	if err != nil {
		return nil, nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return client, pool.Close, nil
}

func (p *pgDB) transact(ctx context.Context, fn func(*Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := p.once(ctx, fn)
		if !givenUp(err) || attempt == pgAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(attempt*attempt) * 5 * time.Millisecond):
		}
	}
}

func (p *pgDB) once(ctx context.Context, fn func(*Tx) error) error {
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	t, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer rollback(ctx, t)
	x := &Tx{ctx: ctx, conn: pgConn{t, p.limits.head()}, insert: insertInto(p.jobs, t)}
	if err := fn(x); err != nil {
		return err
	}
	if len(x.last) == 0 {
		return t.Commit(ctx)
	}
	return commitWith(ctx, t, x.last)
}

// commitWith sends the statements and the commit at once. If one of them fails,
// PostgreSQL skips those that follow.
func commitWith(ctx context.Context, t pgx.Tx, last []statement) error {
	var b pgx.Batch
	for _, s := range last {
		b.Queue(s.query, s.args...)
	}
	b.Queue(`COMMIT`)
	return t.Conn().SendBatch(ctx, &b).Close()
}

// rollback ends a transaction that isn't over, also when ctx is done.
func rollback(ctx context.Context, t pgx.Tx) {
	if t.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = t.Rollback(ctx)
}

func (p *pgDB) reader() conn { return pgConn{db: p.pool} }

func (p *pgDB) ping(ctx context.Context) error {
	var n int64
	return p.probe.QueryRow(ctx, `SELECT id FROM installation`).Scan(&n)
}

func (p *pgDB) touch(ctx context.Context) error {
	_, err := p.probe.Exec(ctx, touch)
	return err
}

// broken never happens: if its disk fails, the PostgreSQL server ends.
func (*pgDB) broken() (<-chan struct{}, func() error) { return nil, nil }

func (p *pgDB) close() {
	p.pool.Close()
	p.probe.Close()
}
