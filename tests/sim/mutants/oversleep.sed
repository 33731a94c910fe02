# src/engine/receiver.c: a receiver sleeps on without timestamps
s/(int)(arrival_error_ns(receiver) \/ NS_PER_MS)/-1/
