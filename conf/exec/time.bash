#!/bin/bash
echo 'dgram 1 text'
while IFS=$'\t' read -r kind id _; do
	[[ $kind != Q ]] || printf 'A\t%s\t%(%a %b %e %T %Y)T\n' "$id" -1
done
