# tidy.awk FILE...: lengths of lines, functions and files; words that do not belong. A function is what
# stands between a brace in column 0 and the next closing one.
function complain(line, text) { print FILENAME ":" line ": " text; bad = 1 }
function finish() { if (name && lines > 600) { print name ":" lines ": file of " lines " lines (at most 600)"; bad = 1 } }
FNR == 1 { finish(); name = FILENAME; open = 0; ext = FILENAME; sub(/.*\./, "", ext) }
{ lines = FNR }
length($0) > 100 && FILENAME !~ /\.def\.h$/ && FILENAME !~ /text_ranges/ { complain(FNR, "line of " length($0) " columns (at most 100)") }
/[ \t]$/ { complain(FNR, "space at the end of the line") }
/\t/ { complain(FNR, "tab") }
/(TODO|FIXME|HACK)/ { complain(FNR, "unfinished work") }
# A STRBUF that a return leaves before strbuf_init() frees garbage: initialise it where it stands, or first.
/^[ \t]+STRBUF [a-z_, ]+;/ { n = split($0, w, /[ ,;]+/); for (i = 2; i <= n; i++) if (w[i] ~ /^[a-z_]+$/ && w[i] != "STRBUF") raw[w[i]] = FNR }
/strbuf_init\(&/ { for (v in raw) if (index($0, "strbuf_init(&" v ",")) delete raw[v] }
/(^|[^a-z_])return[ ;]/ { for (v in raw) { complain(raw[v], "STRBUF " v " may be left before strbuf_init(): write = {0}"); delete raw[v] } }
/^\}/ { for (v in raw) delete raw[v] }
/^\{/ { open = FNR }
/^\}/ { if (open && FNR - open + 1 > 70) complain(open, "function of " FNR - open + 1 " lines (at most 70)"); open = 0 }
FILENAME !~ /api\/store\// && FILENAME !~ /^tests\// && /"[^"]*(SELECT .* FROM|INSERT INTO|UPDATE [a-z_]+ SET|DELETE FROM|CREATE TABLE)/ { complain(FNR, "SQL outside api/store") }
FILENAME !~ /tui\/screen\/curses/ && /#[ \t]*include[ \t]*<(n?curses[a-z]*|term)\.h>/ { complain(FNR, "curses outside tui/screen/curses.c") }
FILENAME !~ /^api\/http\// && FILENAME !~ /^tests\// && /#[ \t]*include[ \t]*<microhttpd\.h>/ { complain(FNR, "libmicrohttpd outside api/http") }
FILENAME !~ /^common\/core\/clock/ && FILENAME !~ /^tests\// && /[^a-z_](clock_gettime|gettimeofday|time)\(/ && $0 !~ /\/\*.*time\(.*\*\// && $0 !~ /^ \*/ { complain(FNR, "time is read through core/clock.h") }
FILENAME !~ /^tests\// && /__attribute__\(\(constructor/ { complain(FNR, "registration by constructor") }
END { finish(); exit bad }
