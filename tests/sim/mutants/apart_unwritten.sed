# src/engine/reply_join.c: what was taken apart is still to be cut
/^unsigned reply_take_apart/,/^}/s/header.msg_controllen = write_control(.*$//
