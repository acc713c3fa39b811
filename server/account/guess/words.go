package guess

import (
	"encoding/json"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"
)

// longest is the maximum number of characters in a word.
const longest = 24

// ranks maps all words to their best rank in any list. It takes 8 MiB, so it is
// loaded when the first password is chosen. The package that the lists come
// from isn't imported as a whole, because it loads them each time the program
// starts.
var ranks = sync.OnceValue(func() map[string]int {
	ranks := map[string]int{}
	for _, name := range []string{"Passwords", "English", "MaleNames", "FemaleNames", "Surnames"} {
		text, err := data.Asset("data/" + name + ".json")
		if err != nil {
			panic("guess: " + err.Error()) // it is part of the binary
		}
		var words struct{ List []string }
		if err := json.Unmarshal(text, &words); err != nil {
			panic("guess: " + name + ": " + err.Error())
		}
		for i, word := range words.List {
			if rank := ranks[word]; rank == 0 || i+1 < rank {
				ranks[word] = i + 1
			}
		}
	}
	return ranks
})
