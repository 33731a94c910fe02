# src/process/stream.c: those that run again do so together
s/last ? 1 : child->children->window/child->children->window/
