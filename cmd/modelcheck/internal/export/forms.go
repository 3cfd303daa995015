package export

// euTemplate follows the template for the public summary of training content,
// by its sections (Regulation (EU) 2024/1689, Art. 53(1)(d)).
var euTemplate = sheet{
	title: "public summary of training content", source: "Regulation (EU) 2024/1689, Art. 53(1)(d); template C(2025) 8311",
	fields: []field{
		{"1.1 Provider", "Name and contact", []string{"origin.legalEntity", "origin.organization", "origin.contact"}},
		{"1.1 Provider", "Authorised representative", []string{"origin.authorisedRep"}},
		{"1.2 Model", "Versioned model name", []string{"identity.name", "identity.version"}},
		{"1.2 Model", "Model dependencies", []string{"lineage.base", "lineage.relation"}},
		{"1.2 Model", "Date of placement on the Union market", []string{"model.euMarketDate"}},
		{"1.3 Modalities and size", "Modalities", []string{"td.modalities"}},
		{"1.3 Modalities and size", "Size of each modality", []string{"td.size.text", "td.size.image", "td.size.audio", "td.size.video"}},
		{"1.3 Modalities and size", "Types of content", []string{"td.contentTypes"}},
		{"1.3 Modalities and size", "Latest date of data acquisition", []string{"td.cutoff"}},
		{"1.3 Modalities and size", "Linguistic characteristics", []string{"td.languages"}},
		{"2.1 Publicly available datasets", "Large datasets, by name and link", []string{"td.sources.publicDatasets"}},
		{"2.2 Private datasets of third parties", "Commercially licensed", []string{"td.sources.licensed"}},
		{"2.2 Private datasets of third parties", "Other private", []string{"td.sources.otherPrivate"}},
		{"2.3 Crawled data", "Crawlers used, and their names", []string{"td.crawl.used", "td.crawl.crawlerNames"}},
		{"2.3 Crawled data", "Behaviour of the crawlers", []string{"td.crawl.behaviour"}},
		{"2.3 Crawled data", "Time of collection", []string{"td.crawl.period"}},
		{"2.3 Crawled data", "Most relevant domain names", []string{"td.crawl.topDomains"}},
		{"2.4 User data", "Interactions with the model", []string{"td.userData.interactions"}},
		{"2.4 User data", "Other services of the provider", []string{"td.userData.services"}},
		{"2.5 Synthetic data", "Used", []string{"td.synthetic.used"}},
		{"2.5 Synthetic data", "Models used, by name", []string{"td.synthetic.models", "lineage.teachers"}},
		{"2.6 Other sources", "Description", []string{"td.other"}},
		{"3.1 Opt-outs from text and data mining", "Signatory of the Code of Practice", []string{"td.tdmOptOut.cop"}},
		{"3.1 Opt-outs from text and data mining", "Measures", []string{"td.tdmOptOut.measures"}},
		{"3.2 Illegal content", "Measures to avoid or remove it", []string{"td.illegalContent.measures"}},
		{"3.3 Other information", "The provider's own summary", []string{"td.summary.url"}},
	},
}

// caSheet lists what California asks developers to post about training data.
var caSheet = sheet{
	title: "documentation of training data", source: "California AB 2013, Civil Code §3111(a)",
	fields: []field{
		{"(1)", "Sources or owners of the datasets", []string{"td.sources.publicDatasets", "td.sources.licensed", "td.sources.otherPrivate", "td.crawl.used", "td.userData.interactions"}},
		{"(2)", "How the datasets further the intended purpose", nil},
		{"(3)", "Number of data points", []string{"td.size.text", "td.size.image", "td.size.audio", "td.size.video"}},
		{"(4)", "Types of data points", []string{"td.contentTypes", "td.modalities"}},
		{"(5)", "Data protected by copyright, trademark or patent, or in the public domain", []string{"td.copyrightStatus"}},
		{"(6)", "Purchased or licensed datasets", []string{"td.sources.licensed"}},
		{"(7)", "Personal information", []string{"td.personalInfo"}},
		{"(8)", "Aggregate consumer information", []string{"td.aggregateConsumerInfo"}},
		{"(9)", "Cleaning, processing or modification", []string{"td.processing"}},
		{"(10)", "Time of collection", []string{"td.collectionPeriod", "td.crawl.period"}},
		{"(11)", "When the data was first used", []string{"td.firstUsed"}},
		{"(12)", "Synthetic data generation", []string{"td.synthetic.used"}},
	},
}
