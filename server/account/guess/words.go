package guess

import (
	"encoding/json"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"
)

// longest is how many characters a word has at most.
const longest = 24

// ranks are all words with their ranks in the list where they stand highest.
// They take 8 MiB, so that they are read when a password is first chosen. The
// package that they come from is not imported as a whole, because it reads them
// at each start of the program.
var ranks = sync.OnceValue(func() map[string]int {
	ranks := map[string]int{}
	for _, name := range []string{"Passwords", "English", "MaleNames", "FemaleNames", "Surnames"} {
		text, err := data.Asset("data/" + name + ".json")
		if err != nil {
			panic("guess: " + err.Error()) // it is a part of the program
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
