package db

import (
	"fmt"
	"slices"
	"strings"
)

// A Column is a column of a table and where its value is in memory: a pointer
// to a text, a number or bytes, or a codec such as Time.
type Column struct {
	Name string
	At   any
}

// Col returns a column with the name.
func Col(name string, at any) Column { return Column{name, at} }

// A Table inserts, selects and scans rows with one list of columns.
type Table[T any] struct {
	name    string
	columns func(*T) []Column
	// Columns is the SELECT list for Into, with table names.
	Columns string
	insert  string
}

// NewTable returns the table with the name. The first column that columns
// returns is the key.
func NewTable[T any](name string, columns func(*T) []Column) *Table[T] {
	list := columns(new(T))
	values(list) // each must have a value
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = name + "." + c.Name
	}
	return &Table[T]{name, columns, strings.Join(names, ", "), insertText(name, list)}
}

func insertText(name string, columns []Column) string {
	names, marks := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], marks[i] = c.Name, fmt.Sprintf("$%d", i+1)
	}
	return `INSERT INTO ` + name + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(marks, ", ") + `)`
}

// Into returns the destinations for scanning the Columns of a row.
func (t *Table[T]) Into(v *T) []any {
	columns := t.columns(v)
	to := make([]any, len(columns))
	for i, c := range columns {
		to[i] = c.At
	}
	return to
}

// Scan reads a row that has the Columns, and then those of more.
func (t *Table[T]) Scan(r Row, more ...any) (T, error) {
	var v T
	err := r.Scan(append(t.Into(&v), more...)...)
	return v, err
}

// All runs a query whose rows have the Columns.
func (t *Table[T]) All(x *Tx, query string, args ...any) ([]T, error) {
	var all []T
	var v T
	to := t.Into(&v) // a scan sets each of them, so nothing of the previous row is left
	err := x.Each(func(r Row) error {
		err := r.Scan(to...)
		all = append(all, v)
		return err
	}, query, args...)
	return all, err
}

// values returns those of the columns of v, as arguments.
func (t *Table[T]) values(v *T) []any { return values(t.columns(v)) }

// Insert inserts v.
func (t *Table[T]) Insert(x *Tx, v T) error {
	_, err := x.Exec(t.insert, t.values(&v)...)
	return err
}

// InsertWith inserts v with more columns, which are never read.
func (t *Table[T]) InsertWith(x *Tx, v T, more ...Column) error {
	columns := append(t.columns(&v), more...)
	_, err := x.Exec(insertText(t.name, columns), values(columns)...)
	return err
}

// InsertAll inserts all in order.
func (t *Table[T]) InsertAll(x *Tx, all []T) error {
	return t.InsertAllWith(x, all, func(int) []Column { return nil })
}

// InsertAllWith inserts all, each with more columns, which are never read.
func (t *Table[T]) InsertAllWith(x *Tx, all []T, more func(i int) []Column) error {
	return t.inChunks(x.conn.rowsAtOnce(), all, more, func(query string, runs [][]any) error { return x.Many(nil, query, runs) })
}

// InsertAllFinally inserts all with [Tx.Finally].
func (t *Table[T]) InsertAllFinally(x *Tx, all []T) error {
	return t.inChunks(x.conn.rowsAtOnce(), all, func(int) []Column { return nil }, func(query string, runs [][]any) error {
		for _, args := range runs {
			if err := x.Finally(query, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// inChunks calls insert with a statement for n rows as long as there are
// enough, and then with one for a single row.
func (t *Table[T]) inChunks(many int, all []T, more func(i int) []Column, insert func(query string, runs [][]any) error) error {
	whole := len(all) / many * many
	var query string
	var chunks, rest [][]any
	for i := range all {
		columns := append(t.columns(&all[i]), more(i)...)
		if i == 0 {
			query = insertText(t.name, columns)
		}
		switch {
		case i >= whole:
			rest = append(rest, values(columns))
		case i%many == 0:
			chunks = append(chunks, values(columns))
		default:
			last := len(chunks) - 1
			chunks[last] = append(chunks[last], values(columns)...)
		}
	}
	if len(chunks) > 0 {
		if err := insert(forRows(query, many, len(chunks[0])/many), chunks); err != nil {
			return err
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return insert(query, rest)
}

// forRows returns the statement that inserts n rows like the one for a single
// row. Each row has the given number of values.
func forRows(query string, rows, each int) string {
	var b strings.Builder
	b.WriteString(query)
	for first := each; first < rows*each; first += each {
		b.WriteString(`, (`)
		for i := range each {
			if i > 0 {
				b.WriteString(`, `)
			}
			fmt.Fprintf(&b, "$%d", first+i+1)
		}
		b.WriteString(`)`)
	}
	return b.String()
}

// InsertNew inserts v unless there is a row with the same value of a unique
// column. It reports whether it did.
func (t *Table[T]) InsertNew(x *Tx, v T, unique string) (bool, error) {
	n, err := x.Exec(t.insert+` ON CONFLICT (`+unique+`) DO NOTHING`, t.values(&v)...)
	return n == 1, err
}

// InsertIf inserts v if the condition holds. The condition has a question mark
// for each of its arguments. It reports whether it did.
func (t *Table[T]) InsertIf(x *Tx, v T, condition string, args ...any) (bool, error) {
	w := Where{args: t.values(&v)}
	condition = w.numbered(condition, args)
	insert, marks, _ := strings.Cut(t.insert, ` VALUES (`)
	n, err := x.Exec(insert+` SELECT `+strings.TrimSuffix(marks, `)`)+` WHERE `+condition, w.args...)
	return n == 1, err
}

// InsertFinally inserts v with [Tx.Finally].
func (t *Table[T]) InsertFinally(x *Tx, v T) error { return x.Finally(t.insert, t.values(&v)...) }

// Update sets all columns of the row that has the key of v, except the fixed
// ones.
func (t *Table[T]) Update(x *Tx, v T, fixed ...string) error {
	columns := t.columns(&v)
	w := Where{args: []any{columns[0].Value()}}
	var set []string
	for _, c := range columns[1:] {
		if !slices.Contains(fixed, c.Name) {
			set = append(set, w.numbered(c.Name+` = ?`, []any{c.Value()}))
		}
	}
	_, err := x.Exec(`UPDATE `+t.name+` SET `+strings.Join(set, `, `)+` WHERE `+columns[0].Name+` = $1`, w.args...)
	return err
}
