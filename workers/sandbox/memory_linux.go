package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// memoryEvery is how often a sandbox's memory is looked at: what a command takes
// meanwhile is beyond its ceiling.
const memoryEvery = 50 * time.Millisecond

// memoryPart is the part of a sandbox that ends a command which takes more memory
// than it may.
const memoryPart = "memory ceiling"

// watchMemory returns when the processes of this process namespace have more
// memory of their own, together, than max bytes; it says how much. What they share
// with files does not count, what is swapped out does.
func watchMemory(max int64) int64 {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for range tick.C {
		if is := memoryOfAll(); is > max {
			return is
		}
	}
	return 0
}

// memoryOfAll is the memory of every process that /proc shows, in bytes.
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
