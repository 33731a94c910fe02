# src/engine/reply.c: an answer goes to another socket
s/sys_send(fd, &batch->headers/sys_send(batch->sockets[0].fd, \&batch->headers/
