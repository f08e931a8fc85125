#!/bin/sh
# The unit is confined (exposure at most 2.0) and systemd understands it.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

need systemd-analyze systemd
unit=$builddir/systemd/shoal.service
[ -f "$unit" ] || {
	echo "$lint_name: $unit is not built"
	exit 77
}
grep -n '@[a-z]*@' "$unit" && finding "$unit: holds a name not replaced"

if ! systemd-analyze security --offline=true --threshold=20 "$unit" \
    >"$tmp/security" 2>&1; then
	finding "$unit: exposure above 2.0"
	tail -n 3 "$tmp/security"
fi

# verify wants the programs to be there, and not everywhere can it run.
sed -E 's|^(Exec[A-Za-z]*=)[^ ]*|\1/bin/true|' "$unit" >"$tmp/shoal.service"
if systemd-analyze verify --man=no "$tmp/shoal.service" \
    >"$tmp/verify" 2>&1; then :; fi
grep -F "$tmp/shoal.service" "$tmp/verify" >"$tmp/ours" &&
    while read -r line; do finding "$line"; done <"$tmp/ours"
finish
