# src/engine/receiver.c: a receiver pauses after an error before it helps
s/if (count == SOCKET_BATCH || stand_back(receiver, count))/if (count == SOCKET_BATCH || (count >= 0 \&\& stand_back(receiver, count)))/
