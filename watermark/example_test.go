package watermark_test

import (
	"fmt"

	"linewatch/watermark"
)

// Two machines of a line, one of them slower: the output follows the slower
// one, until it has been silent for too long.
func Example() {
	cfg := watermark.Defaults() // bound 2 s, idle after 10 s
	t := watermark.New(cfg)
	filler, capper := t.Add(0, false), t.Add(0, false)

	t.Point(filler, 5_000, 5_000, false)
	t.Point(capper, 5_000, 4_000, false)
	t.Tick(5_000)
	holder, _ := t.Holder()
	fmt.Println(int64(t.Watermark()), "held by the capper:", holder == capper)
	fmt.Println("1999 late:", t.Late(1_999), "2000 late:", t.Late(2_000))

	t.Point(filler, 15_000, 15_000, false)
	t.Tick(15_000)
	fmt.Println(int64(t.Watermark()), "capper idle:", t.Bucket(capper).Idle)
	// Output:
	// 1999 held by the capper: true
	// 1999 late: true 2000 late: false
	// 12999 capper idle: true
}

// A heartbeat says what has surely come, without the bound.
func ExampleTracker_Heartbeat() {
	t := watermark.New(watermark.Defaults())
	filler := t.Add(0, false)

	t.Point(filler, 5_000, 5_000, false)
	t.Tick(5_000)
	fmt.Println(int64(t.Watermark()))

	t.Heartbeat(filler, 5_100, 5_000, false)
	t.Tick(5_200)
	fmt.Println(int64(t.Watermark()))
	// Output:
	// 2999
	// 5000
}

// Whoever turns idle is offline, and online again with the next record.
func ExampleTracker_Transitions() {
	t := watermark.New(watermark.Defaults())
	filler := t.Add(0, false)

	t.Point(filler, 0, 0, false)
	t.Tick(10_000)
	t.Point(filler, 12_000, 12_000, false)
	for _, change := range t.Transitions() {
		fmt.Println(change.ID, change.Online)
	}
	// Output:
	// 0 true
	// 0 false
	// 0 true
}

// A new process goes on where the snapshot was taken.
func ExampleTracker_Restore() {
	t := watermark.New(watermark.Defaults())
	filler, capper := t.Add(0, false), t.Add(0, false)
	t.Point(filler, 5_000, 5_000, false)
	t.Point(capper, 5_000, 4_000, false)
	t.Tick(5_000)
	snapshot := t.AppendSnapshot(nil)

	restored := watermark.New(watermark.Defaults())
	if err := restored.Restore(snapshot); err != nil {
		fmt.Println(err)
	}
	restored.Point(filler, 6_000, 6_000, false)
	restored.Tick(6_000)
	fmt.Println(int64(restored.Watermark()))
	// Output: 1999
}
