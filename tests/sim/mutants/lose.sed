# src/queue/queue.c: the one that goes to make room is lost
/^	*expired ? DROP_EXPIRED : DROP_QUEUE_FULL, now_ns, to);/s/\<to);/expired ? to : \&(struct datagram_list){ 0 });/
