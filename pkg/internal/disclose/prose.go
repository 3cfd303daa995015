package disclose

// prose reads the sentences and tables of a card. Each rule looks at one
// sentence; a rule that is not sure says nothing.
func (c *collector) prose(k *card) {
	text := readProse(k.page, k.front.end+1)
	k.know(text, c.names)
	for _, t := range text.tables {
		c.modelTable(k, t)
	}
	c.citations(k)
	begun := map[string]bool{}
	for _, s := range text.sentences {
		c.statementSentence(k, s)
		c.sectionSentence(k, s, begun)
		c.offlineSentence(k, s)
		c.licenseSentence(k, s)
		c.sizeSentence(k, s)
		c.parameterSentence(k, s)
		c.lineageSentence(k, s)
		c.teacherSentence(k, s)
		c.computeSentence(k, s)
		c.cutoffSentence(k, s)
		c.dataSentence(k, s)
		c.fieldSentence(k, s)
	}
	for _, h := range text.headings {
		c.teacherHeading(k, h)
	}
}

// saySentence observes a claim in a sentence.
func (c *collector) saySentence(k *card, s sentence, claim string, value []byte) {
	c.say(claim, declared(value, methodProse, k.source(s.first, s.last, s.raw)))
}
