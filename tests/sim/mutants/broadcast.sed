# src/engine/receiver.c: what was sent to many machines is served
s/^\telse if (is_for_others(receiver, datagram))$/\telse if (false)/
