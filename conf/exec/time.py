#!/usr/bin/python3
import time
print("dgram 1 text", flush=True)
for line in open(0):
    kind, id, *rest = line.rstrip("\n").split("\t")
    if kind == "Q":
        print("A", id, time.ctime(), sep="\t", flush=True)
