# The targets of the Makefile, each with what stands behind its ##; a target with a % for each part.
# awk -v parts='1 2 3' -f tests/tools/help.awk Makefile
/^[a-z0-9-]+:.* ## / || /^\$\([A-Z]+:%=.*: [a-z]+-part%: ## / {
    text = substr($0, index($0, "## ") + 3)
    if ($0 ~ /^\$/) {
        target = $2
        sub(/:$/, "", target)
        patterns[++count] = target "\t" text
        if ($0 ~ /^\$\(LATER/) later[count] = 1
    } else {
        if (count && !shown++) show_parts()
        target = $0
        sub(/:.*/, "", target)
        printf "  %-15s %s\n", target, text
    }
}
function show_parts(    i, n, number, numbers, line) {
    number = split(parts, numbers, " ")
    for (n = 1; n <= number; n++)
        for (i = 1; i <= count; i++) {
            if (later[i] && n == 1) continue
            split(patterns[i], line, "\t")
            gsub(/%/, numbers[n], line[1])
            gsub(/%/, numbers[n], line[2])
            printf "  %-15s %s\n", line[1], line[2]
        }
}
