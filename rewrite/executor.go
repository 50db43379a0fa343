package rewrite

// Executor runs do(0) to do(n-1), in any order and at once if it likes, and
// returns when all have. Who hands one in decides how many workers there are;
// what is done must not depend on it.
type Executor func(n int, do func(i int))

// Serial is the executor of one worker.
func Serial(n int, do func(i int)) {
	for i := range n {
		do(i)
	}
}
