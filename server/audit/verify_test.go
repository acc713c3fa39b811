package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
)

// A keeper stores one log in memory.
type keeper []audit.Row

func (k keeper) EachRow(_ context.Context, _ string, after int64, limit int, found func(*audit.Row) error) error {
	i, _ := slices.BinarySearchFunc(k, after+1, func(r audit.Row, seq int64) int { return int(r.Seq - seq) })
	return eachOf(k[i:min(i+limit, len(k))], found)
}

func (k keeper) Checkpoint(context.Context, string) (audit.Tree, error) {
	var e audit.Edge
	for _, r := range k {
		e.Append(audit.Hash(r.Hash))
	}
	return e.Tree(), nil
}

func (k keeper) Checkpoints(context.Context, string) ([]audit.KeptCheckpoint, error) { return nil, nil }
func (k keeper) KeyChanges(context.Context, string) ([][]byte, error)                { return nil, nil }
func (k keeper) SigningKey(context.Context, string) (audit.KeyName, error) {
	return audit.KeyName{}, nil
}
func (k keeper) Retained(context.Context, string) (int64, error) { return 0, nil }
func (k keeper) Retention(context.Context, string) (int, error)  { return audit.DefaultRetention, nil }

// TestVerifyManyBatches tampers with a log of several batches, and checks that
// Verify finds what a sequential check finds.
func TestVerifyManyBatches(t *testing.T) {
	public, err := signing().Public("acc_1")
	if err != nil {
		t.Fatal(err)
	}
	good := someLog(t, 5300)
	if r, err := audit.Verify(t.Context(), keeper(good), "acc_1", public); err != nil || r.Size != 5300 {
		t.Fatalf("%d actions, %v", r.Size, err)
	}
	for _, at := range []int{0, 999, 1000, 2500, 5299} {
		for what, tamper := range map[string]func(rows []audit.Row) []audit.Row{
			"edited": func(rows []audit.Row) []audit.Row { rows[at].Leaf = []byte("{}"); return rows },
			"moved":  func(rows []audit.Row) []audit.Row { rows[at].Columns.Domain = "example.org"; return rows },
			"emptied": func(rows []audit.Row) []audit.Row {
				rows[at].Leaf, rows[at].Personal, rows[at].Salt = nil, nil, nil
				return rows
			},
			"erased":   func(rows []audit.Row) []audit.Row { rows[at].Personal, rows[at].Salt = nil, nil; return rows },
			"removed":  func(rows []audit.Row) []audit.Row { return slices.Delete(rows, at, at+1) },
			"many out": func(rows []audit.Row) []audit.Row { return slices.Delete(rows, at, min(at+1500, len(rows))) },
		} {
			rows := tamper(slices.Clone(good))
			head, err := keeper(good).Checkpoint(t.Context(), "acc_1")
			if err != nil {
				t.Fatal(err)
			}
			state := audit.Known{Tree: head, By: "the checkpoint"}
			_, got := audit.Verify(t.Context(), keeper(rows), "acc_1", public, state)
			want := check(rows, state)
			if !audit.IsFinding(got) || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("action %d %s: got %v, want %v", at+1, what, got, want)
			}
		}
	}
}
