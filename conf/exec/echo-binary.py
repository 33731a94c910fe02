#!/usr/bin/python3
import struct, sys
head = struct.Struct("<IBBHQ")
ask, say = sys.stdin.buffer, sys.stdout.buffer
say.write(b"dgram 1 binary\n")
while not say.flush() and len(start := ask.read(16)) == 16:
    size, kind, flags, meta, id = head.unpack(start)
    data = ask.read(size)[meta:]
    if kind == 1:
        say.write(head.pack(len(data), 2, 0, 0, id) + data)
