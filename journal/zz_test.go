package journal_test
import ("testing";"fmt")
func init() { dbg = func(s *simulation, w string) { fmt.Println("==", w); for _, e := range s.disk.Events() { fmt.Println("  ", e) } } }
var _ = testing.Short
