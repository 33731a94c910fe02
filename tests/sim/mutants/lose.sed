# src/queue/queue.c: the one that goes to make room is lost
/DROP_QUEUE_FULL, now_ns,$/,/to);/s/\<to);/\&(struct datagram_list){ 0 });/
