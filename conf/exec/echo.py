#!/usr/bin/python3
print("dgram 1 text", flush=True)
for line in open(0):
    kind, id, *rest = line.rstrip("\n").split("\t")
    if kind == "Q":
        print("A", id, rest[1], sep="\t", flush=True)
