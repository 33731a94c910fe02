#!/bin/sh
# Version: supervisord of supervisor 4.2.5-1 (Debian 12), a program with startsecs=0 and autorestart=unexpected
#	that ends at once with a status that is not among its exitcodes.
# Expected: it is started again at a rate of its own, whatever other programs do.
# Seen: it is started again once in each pass of supervisord's loop, without a pause. A pass takes a second while
#	nothing happens, but each chunk that another program writes ends one. So beside a program that
#	logs 100 lines a second, the failing one was started 10 to 57 times a second, without end. With startsecs above
#	0 that is bounded, but then its exitcodes are not looked at. A program that waits a second before it
#	ends is safe in both.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='supervisor=4.2.5-1 python3-pkg-resources=66.1.1-1+deb12u2'
python=/usr/bin/python3
dir=$(mktemp -d) || cannot 'no temporary folder'
supervisor=
trap 'kill $supervisor 2>/dev/null; wait; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
[ -x "$python" ] || cannot 'no python3'
cd "$dir" || exit 1
for package in $packages; do
	timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
done
for file in ./*.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done

# How often the program that fails is started in 5 seconds; $1: a section for another program.
starts() {
	cat >supervisord.conf <<END_OF_CONF
[supervisord]
logfile=/dev/null
logfile_maxbytes=0
pidfile=$dir/pid
childlogdir=$dir
[program:fails]
command=/bin/sh -c 'echo >>$dir/starts; exit 69'
startsecs=0
autorestart=unexpected
exitcodes=0
stdout_logfile=/dev/null
stdout_logfile_maxbytes=0
$1
END_OF_CONF
	: >starts
	PYTHONPATH=$dir/usr/lib/python3/dist-packages timeout 20 "$python" usr/bin/supervisord -n -s \
		-c supervisord.conf >said 2>&1 &
	supervisor=$!
	sleep 5
	count=$(wc -l <starts)
	kill "$supervisor"
	wait "$supervisor"
	supervisor=
}

starts ''
alone=$count
starts "[program:writes]
command=/bin/sh -c 'while :; do echo line; sleep 0.01; done'
stdout_logfile=/dev/null
stdout_logfile_maxbytes=0"
echo "seen: in 5 s it was started $alone times alone, and $count times beside a program that writes"
[ "$alone" -gt 0 ] || cannot "supervisord does not run: $(head -n 1 said)"
[ "$alone" -le 8 ] && [ "$count" -ge 20 ]
