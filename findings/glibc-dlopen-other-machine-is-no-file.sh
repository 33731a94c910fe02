#!/bin/sh
# Version: glibc 2.36 (Debian 12), dlopen(3) of a path with a slash.
# Expected: a shared object for another machine is refused as such, as one of another class is:
#	"wrong ELF class: ELFCLASS32".
# Seen: "cannot open shared object file: No such file or directory", of a file that is there. The
#	search for libraries passes over other machines, and so does the look at the one path that was
#	given. Whoever shows dlerror(3) of a plug-in that was built for aarch64, say, sends its user to
#	look for a file that is not missing.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
timeout 20 python3 - "$dir" <<'END_OF_PYTHON'
import ctypes
import pathlib
import sys

name = next((line.split()[-1] for line in open("/proc/self/maps") if "/libc.so.6" in line), None)
if name is None:
    print("skipped: no libc.so.6")
    sys.exit(77)
data = pathlib.Path(name).read_bytes()


def message(file, place, value):
    """What dlopen says of a copy with another byte: 4 is the class, 18 the machine."""
    path = pathlib.Path(sys.argv[1], file)
    path.write_bytes(data[:place] + bytes([value]) + data[place + 1:])
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        return str(error).removeprefix(f"{path}: ")
    return "opened"


machine = message("machine.so", 18, 183 if data[18] != 183 else 62)
elf_class = message("class.so", 4, 1 if data[4] == 2 else 2)
print(f"seen: another machine: {machine!r}; another class: {elf_class!r}")
sys.exit("No such file or directory" not in machine or "wrong ELF class" not in elf_class)
END_OF_PYTHON
