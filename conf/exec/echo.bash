#!/bin/bash
echo 'dgram 1 text'
while IFS=$'\t' read -r kind id _ data; do
	[[ $kind != Q ]] || printf 'A\t%s\t%s\n' "$id" "$data"
done
