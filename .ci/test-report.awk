# Shortens the output of `go test -v ./...`: one line per package, the whole of a
# package that failed, and at the end every skipped test with its reason, so
# that a green run does not hide what it left out.

/^=== (RUN|PAUSE|CONT|NAME)/ { current = $3; next }

/^ *--- SKIP/ { skipped[++skips] = $0 "\n" said[$3]; next }

# What a test said last, which for a skipped one is why.
/^ +[^ ]+\.go:[0-9]+: / { said[current] = $0 }
/^ +[^ ]+\.go:[0-9]+: SKIPPED/ { next }

/^(ok  |\?   |FAIL)\t/ || /^\t.*coverage:/ {
	if ($1 == "FAIL") printf "%s", buffer
	if ($1 != "?") print
	buffer = ""
	next
}

/^(PASS|FAIL)$/ { next }

/^ *--- PASS/ { next }

{ buffer = buffer $0 "\n" }

END {
	# What no package line followed: build errors, a crash of the tool.
	printf "%s", buffer
	if (skips) {
		printf "\n%d skipped:\n", skips
		for (i = 1; i <= skips; i++) print skipped[i]
	}
}
