# src/queue/queue.c: the one that goes to make room is lost
s/queue_drop(queue, backlog_victim(&queue->backlog, &moment), DROP_QUEUE_FULL, to);/queue_drop(queue, backlog_victim(\&queue->backlog, \&moment), DROP_QUEUE_FULL, \&(struct datagram_list){ 0 });/
