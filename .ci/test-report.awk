# Shortens the output of `go test -v ./...`: one line per package, the whole of a
# package that failed, and at the end every skipped test with its reason, so
# that a green run does not hide what it left out.

/^=== (RUN|PAUSE|CONT|NAME)/ { current = $3; next }

/^ *--- SKIP/ { skipped[++skips] = $0 "\n" said[$3]; next }

# What a test said last, which for a skipped one is why.
/^ +[^ ]+\.go:[0-9]+: / { said[current] = $0 }
/^ +[^ ]+\.go:[0-9]+: SKIPPED/ { next }

/^(ok  |\?   |FAIL)\t/ || /^\t.*coverage:/ {
	if ($1 == "FAIL") told()
	if ($1 != "?") print
	lines = 0
	next
}

/^(PASS|FAIL)$/ { next }

/^ *--- PASS/ { next }

{ line[++lines] = $0 }

# All that a package said: line by line, for one long string would be copied with each line.
function told(  i) {
	for (i = 1; i <= lines; i++) print line[i]
}

END {
	# What no package line followed: build errors, a crash of the tool.
	told()
	if (skips) {
		printf "\n%d skipped:\n", skips
		for (i = 1; i <= skips; i++) print skipped[i]
	}
}
