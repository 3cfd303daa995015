// Bare reads blobs over HTTP and hashes them, as many at a time as there are
// processors, and does nothing else: the floor under what verifying takes.
//
//	bare URL…
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
)

func main() {
	urls := make(chan string)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for url := range urls {
				if err := hash(url); err != nil {
					fmt.Fprintln(os.Stderr, "bare:", err)
					os.Exit(1)
				}
			}
		})
	}
	for _, url := range os.Args[1:] {
		urls <- url
	}
	close(urls)
	group.Wait()
}

func hash(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, resp.Body, make([]byte, 256<<10)); err != nil {
		return err
	}
	fmt.Printf("%x\n", h.Sum(nil))
	return nil
}
