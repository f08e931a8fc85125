# Names the functions that public headers declare: "name file".
# What a macro holds is not the library's.
function emit(text) {
	gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", text)
	sub(/\(.*/, "", text)
	if (match(text, /shoal_[a-z0-9_]+[ \t]*$/))
		print substr(text, RSTART, RLENGTH), FILENAME
}
FNR == 1 { inside = macro = 0 }
macro || /^[ \t]*#[ \t]*define/ {
	macro = /\\$/
	next
}
!inside && /^SHOAL_API[ \t]/ {
	inside = 1
	text = ""
}
inside {
	text = text " " $0
	if (/;/) {
		emit(text)
		inside = 0
	}
}
