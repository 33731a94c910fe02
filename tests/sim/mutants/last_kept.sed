# src/engine/worker.c: the last free worker is kept for services that had work long ago
s/^#define KEPT_NS NS_PER_S$/#define KEPT_NS (10 * NS_PER_S)/
