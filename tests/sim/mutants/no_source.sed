# src/engine/reply_failure.c: that our own address is gone is blamed on the client's
s/^\treturn batch->source_gone ? EADDRNOTAVAIL : error;$/\treturn error;/
