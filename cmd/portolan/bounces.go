package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"portolan/internal/app"
	"portolan/internal/messaging/bounce"
)

// bouncesCommand is what can be done with mail that came back.
type bouncesCommand struct {
	Read   bouncesReadCommand   `cmd:"" default:"withargs" help:"Take in a mailbox file of mails that came back: portolan bounces < mbox"`
	Secret bouncesSecretCommand `cmd:"" help:"Print the password with which a mail server hands in what came back, at /in/bounces/NAME."`
}

type bouncesReadCommand struct {
	database
	File   string `arg:"" default:"-" help:"Mailbox file (mbox), or a single mail; - for standard input."`
	Domain string `name:"bounce-domain" env:"PORTOLAN_BOUNCE_DOMAIN" help:"Domain of the return paths, as for serve."`
}

// Run takes every mail of the file in and says what they were.
func (c *bouncesReadCommand) Run(ctx context.Context, out io.Writer) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return exit{2, err}
		}
		defer f.Close()
		in = f
	}
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{BounceDomain: c.Domain})
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for n, raw := range mbox(in) {
		what, err := a.Messages.TakeMail(ctx, raw)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			counts["refused"]++
			fmt.Fprintf(out, "mail %d: %v\n", n, err)
			continue
		}
		counts[what]++
	}
	for _, what := range []string{"failed", "soft", "delayed", "complaint", "answer", "nothing", "refused"} {
		fmt.Fprintf(out, "%-10s %d\n", what, counts[what])
	}
	return nil
}

// mbox gives out the mails of a file one by one, with their numbers from 1. Lines that begin with From and a space begin
// a mail; a file that doesn't is one mail.
func mbox(in io.Reader) func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		r := bufio.NewReaderSize(in, 64<<10)
		var b bytes.Buffer
		n, fresh := 0, true
		for {
			line, err := r.ReadSlice('\n')
			whole := err == nil || errors.Is(err, io.EOF)
			if fresh && bytes.HasPrefix(line, []byte("From ")) {
				if b.Len() > 0 {
					if n++; !yield(n, b.Bytes()) {
						return
					}
					b.Reset()
				}
			} else if b.Len() <= bounce.Largest {
				if fresh && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
					line = line[1:]
				}
				b.Write(line)
			}
			fresh = whole
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				break
			}
		}
		if len(bytes.TrimSpace(b.Bytes())) > 0 {
			yield(n+1, b.Bytes())
		}
	}
}

type bouncesSecretCommand struct {
	database
	Name string `arg:"" help:"Name of the mail server: mx1"`
}

// Run prints the password.
func (c *bouncesSecretCommand) Run(ctx context.Context, out io.Writer) error {
	d, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, a.Messages.MailSecret(c.Name))
	return err
}
