#!/bin/sh
# Which wave a host is in: docs/protocol.md, Waves, once more, sharing no line with tidegate.
#
# Reads lines of seed, host, labels (;k=v;k=v;) and waves (name,fraction,k=v;k=v|...), parted by tabs.
# Prints for each the place, as a numerator over 2^53, and the wave's name, or - for none.
set -eu
tab=$(printf '\t')
while IFS="$tab" read -r seed host labels waves; do
    # The 14 hexadecimal digits that hold the first 53 bits.
    head=$(printf '%s%s' "$seed" "$host" | sha256sum | cut -c1-14)
    printf '%s\t%s\t%s\n' "$head" "$labels" "$waves"
done | awk -F '\t' '
function digit(letter) { return index("0123456789abcdef", letter) - 1 }
{
    # A double holds 53 bits: 13 digits of four, and the highest bit of the next.
    place = 0
    for (i = 1; i <= 13; i++) place = place * 16 + digit(substr($1, i, 1))
    place = place * 2 + (digit(substr($1, 14, 1)) >= 8)
    found = "-"
    count = split($3, waves, "|")
    for (w = 1; w <= count && found == "-"; w++) {
        split(waves[w], wave, ",")
        fits = place / 9007199254740992 < wave[2] + 0
        wanted = split(wave[3], labels, ";")
        for (l = 1; l <= wanted; l++) if (!index($2, ";" labels[l] ";")) fits = 0
        if (fits) found = wave[1]
    }
    printf "%.0f\t%s\n", place, found
}'
