# src/queue/network.c: networks are wider than they should be
s/#define V4_WORD .*/#define V4_WORD 0x0000000f0000ffffu/
