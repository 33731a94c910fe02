# src/engine/receiver.c: what was cut is queued
s/else if (datagram->truncated)/else if (false)/
