package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// memoryPart is the part of a sandbox that ends a command which takes more memory
// than it may.
const memoryPart = "memory ceiling"

// memoryOfAll is the memory that every process which /proc shows has of its own, in
// bytes. What they share with files does not count, what is swapped out does.
func memoryOfAll() int64 {
	list, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	sum := int64(0)
	for _, e := range list {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			data, _ := os.ReadFile("/proc/" + e.Name() + "/status") // it may have ended
			sum += memoryOf(data)
		}
	}
	return sum
}

// memoryOf reads /proc/N/status.
func memoryOf(status []byte) int64 {
	sum := int64(0)
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "RssAnon", "RssShmem", "VmSwap":
			var kib int64
			if _, err := fmt.Sscan(string(value), &kib); err == nil {
				sum += kib << 10
			}
		}
	}
	return sum
}

// memoryCeiling is what a command may have by default: the machine's memory less
// an eighth, which is for who has to go on.
func memoryCeiling() int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		var kib int64
		if _, err := fmt.Sscanf(string(line), "MemTotal: %d kB", &kib); err == nil {
			return kib << 10 / 8 * 7
		}
	}
	return 0
}
