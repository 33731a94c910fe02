#!/bin/sh
tab=$(printf '\t')
echo 'dgram 1 text'
while IFS=$tab read -r kind id _; do
	case $kind in
	Q) printf 'A\t%s\t%s\n' "$id" "$(date)" ;;
	esac
done
