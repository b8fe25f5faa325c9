package jobs_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
)

func openURL(t *testing.T, url string) *db.DB {
	t.Helper()
	return dbtest.Open(t, url, nil, schemas)
}

func TestTwoNodesShareTheWork(t *testing.T) {
	url, ok := dbtest.URLs(t)["postgres"]
	if !ok {
		t.Skip("PORTOLAN_TEST_PG names no server")
	}
	at := url(t)
	const total = 2000
	var mu sync.Mutex
	calls, byNode := map[int]int{}, [2]int{}
	var nodes [2]*db.DB
	var queues [2]*jobs.Queue
	for i := range nodes {
		nodes[i] = openURL(t, at)
		queues[i] = queue(nodes[i])
		jobs.HandleOutside(queues[i], func(_ context.Context, c Call) error {
			mu.Lock()
			defer mu.Unlock()
			calls[c.Number]++
			byNode[i]++
			return nil
		})
		queues[i].Every("round", time.Hour, Mark{total + 1, "round"})
		start(t, queues[i])
	}
	var adding sync.WaitGroup
	for i := range nodes {
		adding.Go(func() {
			for n := i; n < total; n += 20 {
				err := nodes[i].Write(context.Background(), func(tx *db.Tx) error {
					for k := n; k < n+20 && k < total; k += 2 {
						if err := queues[i].Add(tx, Mark{int64(k), "mark"}, jobs.When{}); err != nil {
							return err
						}
						if err := queues[i].Add(tx, Call{k}, jobs.When{Key: fmt.Sprint("call ", k)}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	adding.Wait()
	idle(t, queues[0])
	require.EqualValues(t, total+1, count(t, nodes[0]), "each job once, and one round for both nodes")
	require.Len(t, calls, total)
	for n, times := range calls {
		require.Equal(t, 1, times, "call %d", n)
	}
	require.NotZero(t, byNode[0])
	require.NotZero(t, byNode[1])
}

const crashURL = "PORTOLAN_JOBS_CRASH"

// TestMain makes the test binary a worker that waits to be killed, if it is told a database.
func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError + 1) // jobs fail here on purpose
	url := os.Getenv(crashURL)
	if url == "" {
		os.Exit(m.Run())
	}
	d, err := db.Open(context.Background(), url, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	q := queue(d)
	jobs.HandleOutside(q, func(_ context.Context, c Call) error {
		fmt.Println(c.Number)
		time.Sleep(time.Millisecond)
		return nil
	})
	q.Run(context.Background())
}

func TestKillNineLosesNothing(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const total = 600
			at := url(t)
			d := openURL(t, at)
			q := queue(d)
			calls := map[string]int{}
			jobs.HandleOutside(q, func(_ context.Context, c Call) error { return nil })
			dbtest.Write(t, d, func(tx *db.Tx) error {
				for i := range total {
					if err := q.Add(tx, Mark{int64(i), "mark"}, jobs.When{}); err != nil {
						return err
					}
					if err := q.Add(tx, Call{i}, jobs.When{}); err != nil {
						return err
					}
				}
				return nil
			})
			if name == "sqlite" {
				require.NoError(t, d.Close())
			}
			kills := 0
			for ; kills < 3; kills++ {
				worker := exec.CommandContext(t.Context(), os.Args[0])
				worker.Env = append(os.Environ(), crashURL+"="+at)
				worker.Stderr = os.Stderr
				out, err := worker.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, worker.Start())
				lines := bufio.NewScanner(out)
				for n := 0; lines.Scan(); n++ {
					if calls[lines.Text()]++; n == 50 {
						require.NoError(t, worker.Process.Signal(syscall.SIGKILL))
					}
				}
				require.Error(t, worker.Wait())
			}

			d = openURL(t, at)
			q = queue(d)
			var mu sync.Mutex
			jobs.HandleOutside(q, func(_ context.Context, c Call) error {
				mu.Lock()
				defer mu.Unlock()
				calls[fmt.Sprint(c.Number)]++
				return nil
			})
			began := time.Now()
			start(t, q)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			require.NoError(t, q.Idle(ctx))
			require.EqualValues(t, total, count(t, d), "database work exactly once")
			require.Len(t, calls, total, "every call at least once")
			again := 0
			for _, n := range calls {
				again += n - 1
			}
			t.Logf("%d kills, %d jobs: 0 lost, %d calls repeated, all done %v after the last start", kills, 2*total, again, time.Since(began).Round(time.Millisecond))
			require.LessOrEqual(t, again, kills*100)
		})
	}
}
