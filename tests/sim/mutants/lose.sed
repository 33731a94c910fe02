# src/queue/queue.c: the one that goes to make room is lost
s/drop_one(queue, backlog_victim(&queue->backlog, now_ns), DROP_QUEUE_FULL, now_ns,$/drop_one(queue, backlog_victim(\&queue->backlog, now_ns), DROP_QUEUE_FULL, now_ns, \&(struct datagram_list){ 0 });/
s/^\t\t\tto);$//
