package measure

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
)

// PeakLive runs work and returns the most bytes of heap objects that were
// reachable at once while it ran, beyond those before it. The collector runs
// all the time meanwhile, so that garbage is not counted and the figure does
// not depend on when collections fall; what is reachable only between two of
// them, some milliseconds, is missed.
func PeakLive(work func() error) (int64, error) {
	before := live()
	peak := before
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				peak = max(peak, live())
			}
		}
	})
	err := work()
	close(stop)
	watch.Wait()
	return max(peak, live()) - before, err
}

// live is the size of the reachable objects.
func live() int64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// PeakResident returns the most memory that this process has had resident, in
// bytes, since it started; 0 where the system does not say.
func PeakResident() int64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, l := range strings.Split(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
