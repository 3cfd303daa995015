package main

import (
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// english is the language of messages about schemas.
func english() *message.Printer { return message.NewPrinter(language.English) }
