# src/engine/receiver.c: inline, nothing grows old
s|datagram->expires_ns = datagram->arrived_ns + wait_ns;|datagram->expires_ns = INT64_MAX;|
