package disclose

// prose reads the sentences and tables of a card. Each rule looks at one
// sentence; a rule that is not sure says nothing.
func (c *collector) prose(k *card) {
	text := readProse(k.page, k.front.end+1)
	k.know(text)
	for _, s := range text.sentences {
		c.licenseSentence(k, s)
		c.sizeSentence(k, s)
		c.parameterSentence(k, s)
		c.lineageSentence(k, s)
		c.computeSentence(k, s)
		c.cutoffSentence(k, s)
		c.fieldSentence(k, s)
	}
	for _, h := range text.headings {
		c.teacherHeading(k, h)
	}
	for _, t := range text.tables {
		c.modelTable(k, t)
	}
}

// saySentence observes a claim in a sentence.
func (c *collector) saySentence(k *card, s sentence, claim string, value []byte) {
	c.say(claim, declared(value, methodProse, k.source(s.first, s.last, s.raw)))
}
