# layers.awk layers.txt FILE...: each quoted include must be allowed for the folder of its file.
function own(path) { sub(/[^\/]*$/, "", path); return path }
FNR == NR { if ($0 !~ /^#/ && NF) { n++; where[n] = $1; $1 = ""; may[n] = $0 " " } next }
FNR == 1 { best = 0; len = -1
    for (i = 1; i <= n; i++)
        if (index(FILENAME, where[i]) == 1 && length(where[i]) > len) { best = i; len = length(where[i]) }
    if (!best) { print FILENAME ":1: no layer in layers.txt"; bad = 1 } }
match($0, /^#[ \t]*include[ \t]*"[^"]*"/) {
    split($0, part, "\""); inc = part[2]
    if (inc !~ /\//) { print FILENAME ":" FNR ": include \"" inc "\" without its folder"; bad = 1; next }
    if (index(may[best], "*") || index(inc, own(FILENAME)) == 1) next
    k = split(may[best], a, " "); ok = 0
    for (j = 1; j <= k; j++) if (index(inc, a[j]) == 1) ok = 1
    if (!ok) { print FILENAME ":" FNR ": " where[best] " may not include \"" inc "\""; bad = 1 } }
END { exit bad }
