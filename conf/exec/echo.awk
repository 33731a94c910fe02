#!/usr/bin/env -S mawk -W interactive -f
BEGIN { FS = OFS = "\t"; print "dgram 1 text" }
$1 == "Q" { print "A", $2, $4 }
