#!/bin/sh
# "options": { "command": ["/usr/local/share/dgramd/exec/echo.sh"], "mode": "text" }
tab=$(printf '\t')
echo 'dgram 1 text'
while IFS=$tab read -r kind id _ data; do
	case $kind in
	Q) printf 'A\t%s\t%s\n' "$id" "$data" ;;
	esac
done
