package db

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Millis returns the stored form of a time. The zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment returns the time that Millis stored.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Bit returns the stored form of a bool.
func Bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// List returns the stored form of a list of words.
func List[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// Time stores a time in milliseconds.
func Time(at *time.Time) any {
	return number{func() int64 { return Millis(*at) }, func(n int64) { *at = Moment(n) }}
}

// Bool stores a bool as 0 or 1.
func Bool(at *bool) any {
	return number{func() int64 { return Bit(*at) }, func(n int64) { *at = n != 0 }}
}

// Int stores an int. It reads 0 if a joined row is missing.
func Int(at *int) any {
	return number{func() int64 { return int64(*at) }, func(n int64) { *at = int(n) }}
}

// Minutes stores a time in whole minutes.
func Minutes(at *time.Duration) any {
	return number{func() int64 { return int64(*at / time.Minute) }, func(n int64) { *at = time.Duration(n) * time.Minute }}
}

// A number is a codec for a BIGINT. NULL is read as 0.
type number struct {
	get func() int64
	set func(int64)
}

// Value returns the value to store.
func (c number) Value() (driver.Value, error) { return c.get(), nil }

// Scan reads the stored value.
func (c number) Scan(from any) error {
	switch n := from.(type) {
	case nil:
		c.set(0)
	case int64:
		c.set(n)
	default:
		return fmt.Errorf("a %T isn't a number", from)
	}
	return nil
}

// Optional stores an empty text as NULL.
func Optional(at *string) any {
	return text{func() any { return orNull(*at, *at) }, func(s string) error {
		*at = s
		return nil
	}}
}

// Words stores a list of words separated by spaces.
func Words[T ~string](at *[]T) any {
	return text{func() any { return List(*at) }, func(s string) error {
		*at = nil
		for word := range strings.FieldsSeq(s) {
			*at = append(*at, T(word))
		}
		return nil
	}}
}

// Text stores a text through get and set.
func Text(get func() string, set func(string) error) any {
	return text{func() any { return get() }, set}
}

// Binary stores a text as bytes, and an empty one as NULL.
func Binary(at *string) any {
	return text{func() any { return orNull(*at, []byte(*at)) }, func(s string) error {
		*at = s
		return nil
	}}
}

// Borrowed reads bytes or a text without copying: the value must not be changed,
// and is valid only until the next row is read. NULL is read as nil.
func Borrowed(at *[]byte) any { return (*borrowed)(at) }

type borrowed []byte

// ScanBytes reads the stored value. pgx calls it.
func (b *borrowed) ScanBytes(from []byte) error {
	*b = from
	return nil
}

// Scan reads the stored value.
func (b *borrowed) Scan(from any) error {
	switch s := from.(type) {
	case nil:
		*b = nil
	case []byte:
		*b = s
	case string:
		*b = []byte(s)
	default:
		return fmt.Errorf("a %T isn't bytes", from)
	}
	return nil
}

func orNull(text string, value any) any {
	if text == "" {
		return nil
	}
	return value
}

// A text is a codec for TEXT or BYTEA. NULL is read as empty.
type text struct {
	get func() any
	set func(string) error
}

// Value returns the value to store.
func (c text) Value() (driver.Value, error) { return c.get(), nil }

// Scan reads the stored value.
func (c text) Scan(from any) error {
	switch s := from.(type) {
	case nil:
		return c.set("")
	case string:
		return c.set(s)
	case []byte:
		return c.set(string(s))
	}
	return fmt.Errorf("a %T isn't a text", from)
}

// Value returns the value of the column as an argument of a statement.
func (c Column) Value() any {
	if v, ok := c.At.(driver.Valuer); ok {
		value, _ := v.Value() // these don't fail
		return value
	}
	switch v := reflect.ValueOf(c.At).Elem(); v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int64:
		return v.Int()
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		return v.Bytes()
	default:
		panic("db: the column " + c.Name + " needs a codec")
	}
}

func values(columns []Column) []any {
	all := make([]any, len(columns))
	for i, c := range columns {
		all[i] = c.Value()
	}
	return all
}
