# src/queue/recent.c: what was taken may be drawn
s/^\t\t\*slot = NULL;$/\t\t;/
