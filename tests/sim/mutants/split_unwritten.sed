# src/engine/reply.c: what was split is still to be split by the kernel
/^static unsigned split_message/,/^}/s/header.msg_controllen = write_control(.*$//
